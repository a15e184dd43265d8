"""`Photographs`: which photograph of a split an `image_id` of somebody's results means.

Why: results name images by the ids of an annotation file, by file names or by COCO's numbers. An id that the rows carry
from their own annotation file goes first: the digits of a file's name mean nothing where the file has ids.
"""

from collections.abc import Iterable, Mapping
from os.path import splitext
from typing import Any

from data.record import image_id
from evaluation.inputs.sample_facts import SampleFacts


class Photographs:
    """`find(id)` gives our image id, None for one that the split does not have or that could be several.

    `files` maps ids to file names, where the rows do not have the ids of the results (`coco.images`).
    """

    def __init__(self, facts: Iterable[SampleFacts], files: Mapping[Any, str] | None = None):
        self.files = {str(number): name for number, name in (files or {}).items()}
        self.by_id: dict[str, set[str]] = {}
        self.by_name: dict[str, set[str]] = {}  # which may lack the first folders of the path
        self.by_path: dict[str, str] = {}
        for each in {each.image_id: each for each in facts}.values():
            if each.source_image_id is not None:
                self.by_id.setdefault(str(each.source_image_id), set()).add(each.image_id)
            path = each.image_id.partition("/")[2] or each.image_id
            for name in _shorter(path):
                self.by_name.setdefault(name, set()).add(each.image_id)
                self.by_name.setdefault(splitext(name)[0], set()).add(each.image_id)
            self.by_name.setdefault(each.image_id, set()).add(each.image_id)
            self.by_path[path] = self.by_path[splitext(path)[0]] = each.image_id

    def find(self, number: Any) -> str | None:
        asked = str(number)
        if self.files:
            return self._named(self.files[asked]) if asked in self.files else None
        found = self.by_id.get(asked)
        return self._only(found) if found else self._named(asked)

    def _named(self, name: str) -> str | None:
        path = image_id(name, "").lstrip("/")
        cocos = (image_id(each, "mscoco") for each in (name, f"{name}.jpg"))
        for known in (path, splitext(path)[0], *(each for each in cocos if each.startswith("coco/"))):
            if known in self.by_name:
                return self._only(self.by_name[known])
        return next((self.by_path[each] for each in _shorter(path) if each in self.by_path), None)

    @staticmethod
    def _only(found: set[str]) -> str | None:
        return next(iter(found)) if len(found) == 1 else None


def _shorter(path: str) -> list[str]:
    """A path, and what is left of it without its first folder, its first two ..."""
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
