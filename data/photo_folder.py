"""`PhotoFolder`: where the photographs of a dataset lie, found once.

Why: the same REFER folder is laid out in three or four ways; the files tell which one it is.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polygon import UserError

# Where the photographs of a collection are found below a dataset's root, the authors' own place first.
CANDIDATES: dict[str, tuple[str, ...]] = {
    "mscoco": ("images/mscoco/images/train2014", "images/train2014", "mscoco/train2014", "train2014", "images"),
    "saiapr": ("images/saiapr_tc-12", "saiapr_tc-12", "images"),
}


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """A folder; `nested` for SAIAPR TC-12 as published, whose 8756.jpg lies in `08/images/`."""

    path: str
    nested: bool = False

    @staticmethod
    def candidates(root: str, images: str | None, collection: str) -> list[Path]:
        """The folders there are: `images` (below root, or absolute), else those of CANDIDATES.

        Raises UserError naming the ones looked for if there is none.
        """
        names = (images,) if images else CANDIDATES[collection]
        folders = [folder for name in names if (folder := Path(root) / name).is_dir()]
        if not folders:
            raise UserError(
                f"{root} has no folder of photographs: expected {' or '.join(names)} in it; "
                "dataset.source.images names another"
            )
        return folders

    @classmethod
    def find(cls, folders: Sequence[Path], example: str) -> "PhotoFolder":
        """The first of `folders` that holds the file `example`, else the first."""
        choices = [cls(str(folder), nested) for folder in folders for nested in (False, True)]
        return next((choice for choice in choices if Path(choice.file(example)).is_file()), choices[0])

    def file(self, name: str) -> str:
        """Path of a photograph."""
        stem = name.partition(".")[0]
        if self.nested and stem.isdecimal():
            name = f"{int(stem) // 1000:02d}/images/{name}"
        return os.path.join(self.path, name)
