"""`Instances`: a COCO instances json, read so that hundreds of thousands of outlines fit into memory.

Why: REFER's `instances.json` and every COCO-style dataset have this form.  As plain lists of Python floats RefCOCO's
outlines take half a gigabyte; here each becomes a flat array the moment it is parsed, or goes at once if nobody asks
for it.
How: `Instances.read(Path("refcoco/instances.json"), wanted={1719310})`.
"""

import json
from array import array
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polygon import UserError


@dataclass(frozen=True, slots=True)
class Photo:
    """An entry of `images`; height and width are px, 0 where they are not given."""

    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """An entry of `annotations`; `segmentation` as `_packed` left it."""

    id: Any
    image_id: Any
    category_id: Any
    is_crowd: bool
    bbox: Any
    segmentation: Any

    def segmentations(self) -> tuple[list | dict, ...]:
        """COCO segmentations of the object: its polygons as one, run lengths each as one; () if it has none.

        RefCLEF's are lists of run lengths.
        """
        parts = self.segmentation
        if not isinstance(parts, list):
            return (parts,) if parts else ()
        lengths = tuple(part for part in parts if isinstance(part, dict))
        rings = [part.tolist() if isinstance(part, array) else part for part in parts if not isinstance(part, dict)]
        return (rings, *lengths) if rings else lengths

    def box_px(self) -> tuple[float, float, float, float] | None:
        """COCO's [x, y, width, height] -> (x0, y0, x1, y1); None where that is none or has no area."""
        try:
            x, y, width, height = map(float, self.bbox)
        except (TypeError, ValueError):
            return None
        return (x, y, x + width, y + height) if width > 0 and height > 0 else None


@dataclass(slots=True)
class Instances:
    """Everything by id.  `twice` are the ids of annotations that occur more than once."""

    photos: dict[Any, Photo] = field(default_factory=dict)
    annotations: dict[Any, Annotation] = field(default_factory=dict)
    categories: dict[Any, str] = field(default_factory=dict)
    twice: set[Any] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path, wanted: Container[Any] | None = None) -> "Instances":
        """wanted: ids of the annotations to keep; None for all.  Raises UserError for what is no such file."""
        found = cls()

        def keep(node: dict) -> dict | None:
            if "image_id" in node and ("segmentation" in node or "bbox" in node):
                if wanted is None or node["id"] in wanted:
                    found._add_annotation(node)
                return None  # JSON's own list then holds nothing of it
            return node

        try:
            with path.open(encoding="utf-8") as file:
                content = json.load(file, object_hook=keep)
            for node in content["images"]:
                photo = Photo(str(node["file_name"]), int(node.get("height") or 0), int(node.get("width") or 0))
                before = found.photos.get(node["id"], photo)
                if before.file_name != photo.file_name:
                    both = f"{before.file_name} and {photo.file_name}"
                    raise UserError(f"{path}: image id {node['id']} stands for two files, {both}; give each its own id")
                found.photos[node["id"]] = photo
            found.categories = {node["id"]: str(node["name"]) for node in content.get("categories", ())}
            content["annotations"]  # there, if empty by now
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{path} is no whole JSON file ({error}); fetch it anew") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} is no COCO instances file: {type(error).__name__} {error}") from error
        return found

    def _add_annotation(self, node: dict) -> None:
        identifier = node["id"]
        if identifier in self.annotations:
            self.twice.add(identifier)
            return
        self.annotations[identifier] = Annotation(
            id=identifier,
            image_id=node["image_id"],
            category_id=node.get("category_id"),
            is_crowd=bool(node.get("iscrowd")),
            bbox=_array(node.get("bbox")),
            segmentation=_packed(node.get("segmentation")),
        )


def _packed(segmentation: Any) -> Any:
    """Polygons as arrays, anything else as it is: a flat list of numbers is one polygon."""
    if isinstance(segmentation, list):
        if segmentation and isinstance(segmentation[0], int | float):
            segmentation = [segmentation]
        return [_array(part) for part in segmentation]
    return segmentation


def _array(numbers: Any) -> Any:
    try:
        return array("d", numbers) if isinstance(numbers, list) else numbers
    except (TypeError, OverflowError):  # not numbers; whoever uses it will say so
        return numbers
