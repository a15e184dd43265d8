"""`ImageFiles`: the files of a folder by the names that annotations give them.

Why: labelling tools write paths of the machine they ran on, with its separators, or put images into a folder more. A
name that is no file here means the file whose path ends like it, where there is one only; whoever prepares the dataset
is told.
"""

import os
import unicodedata
from functools import cached_property
from pathlib import Path, PureWindowsPath


class ImageFiles:
    """`find(name)` gives a path; where there is no such file, the one that would be expected."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.found: dict[str, str] = {}

    def find(self, name: str) -> str:
        path = os.path.join(self.folder, name)
        is_ours = "\\" not in name and ".." not in name and not os.path.isabs(name)
        if is_ours and os.path.exists(path):
            return path
        parts = [part for part in PureWindowsPath(name).parts if part not in (".", "..", "\\", "/")]
        for start in range(len(parts)):
            places = self._by_end.get(_composed("/".join(parts[start:])), ())
            if len(places) == 1:
                self.found[name] = places[0]
                return places[0]
        return path

    def note(self) -> str | None:
        if not self.found:
            return None
        name, place = next(iter(self.found.items()))
        return f"{len(self.found)} images found by the end of their path: {name} is {place}"

    @cached_property
    def _by_end(self) -> dict[str, list[str]]:
        """End of a path -> the files with it."""
        ends: dict[str, list[str]] = {}
        for root, _, names in sorted(os.walk(self.folder)):
            for name in sorted(names):
                path = os.path.join(root, name)
                parts = os.path.relpath(path, self.folder).split(os.sep)
                for start in range(len(parts)):
                    ends.setdefault(_composed("/".join(parts[start:])), []).append(path)
        return ends


def _composed(name: str) -> str:
    """One spelling of accents, of which macOS writes another than other systems."""
    return unicodedata.normalize("NFC", name)
