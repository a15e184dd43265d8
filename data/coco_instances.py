"""`Instances`: a COCO instances json, read so that hundreds of thousands of outlines fit into memory.

Why: REFER's `instances.json` and every COCO-style dataset have this form, and every command that reads one takes it
from here, so that they agree about what is in it. As plain lists of Python floats RefCOCO's outlines take half a
gigabyte; here each becomes a flat array the moment it is parsed, or goes at once if nobody asks for it.
How: `Instances.read(Path("refcoco/instances.json"), wanted={1719310})`.  An annotation that cannot be used is kept with
its `problem`, which says why: it never counts for its neighbours.
"""

import json
from array import array
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data import coco_fields as fields
from polygon import UserError

Box = tuple[float, float, float, float]
_PANOPTIC = (
    "is a panoptic file (segments_info): convert it, as by panopticapi's panoptic2detection_coco_format.py, "
    "or use the instances file"
)


@dataclass(frozen=True, slots=True)
class Photo:
    """An entry of `images`; `id` as written, height and width px, 0 where they are not given."""

    id: int | str
    file_name: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """An entry of `annotations`.

    `segmentation` is run lengths or a list of flat arrays (and, in RefCLEF, of run lengths), `bbox` x, y, width, height
    in px, `area` px; each None where there is none.  `problem` says what is wrong with it, naming the key.
    """

    id: int | str
    image_id: int | str
    category_id: int | str | None
    is_crowd: bool
    bbox: Box | None
    segmentation: list | dict | None
    area: float | None = None
    problem: str | None = None

    def segmentations(self) -> tuple[list | dict, ...]:
        """COCO segmentations of the object: its polygons as one, run lengths each as one; () if it has none."""
        parts = self.segmentation
        if not isinstance(parts, list):
            return (parts,) if parts else ()
        lengths = tuple(part for part in parts if isinstance(part, dict))
        rings = [part.tolist() for part in parts if isinstance(part, array)]
        return (rings, *lengths) if rings else lengths

    def box_px(self) -> Box | None:
        """(x0, y0, x1, y1) as annotated, else around the polygons; None where there is neither or no area."""
        if self.bbox is not None:
            x, y, width, height = self.bbox
            return (x, y, x + width, y + height) if width > 0 and height > 0 else None
        rings = [part for part in self.segmentation or () if isinstance(part, array) and len(part) >= 6]
        if not isinstance(self.segmentation, list) or not rings:
            return None
        xs, ys = [x for ring in rings for x in ring[::2]], [y for ring in rings for y in ring[1::2]]
        found = (min(xs), min(ys), max(xs), max(ys))
        return found if found[0] < found[2] and found[1] < found[3] else None

    def geometry(self) -> tuple:
        """What two copies of one object have in common."""
        parts = self.segmentation
        shape = (
            tuple(bytes(part) if isinstance(part, array) else repr(part) for part in parts or ())
            if isinstance(parts, list)
            else repr(parts)
        )
        return self.category_id, self.bbox, shape


@dataclass(slots=True)
class Instances:
    """Everything by id, ids as `coco_fields.identifier` has them.

    `twice` are the ids of annotations that occur more than once; `notes` what was done to the file as a whole.
    """

    photos: dict[int | str, Photo] = field(default_factory=dict)
    annotations: dict[int | str, Annotation] = field(default_factory=dict)
    categories: dict[int | str, str] = field(default_factory=dict)
    category_ids: dict[int | str, int | str] = field(default_factory=dict)
    twice: set[int | str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, wanted: Container[Any] | None = None) -> "Instances":
        """wanted: ids of the annotations to keep; None for all.  Raises UserError for what is no such file."""
        found, rows = cls(), []

        def keep(node: dict) -> dict | None:
            if "image_id" in node and ("segmentation" in node or "bbox" in node):
                item = _annotation(node, len(rows) + 1)
                if wanted is None or item.id in wanted:
                    rows.append(item)
                return None  # JSON's own list then holds nothing of it
            return node

        try:
            content = json.loads(path.read_bytes(), object_hook=keep)  # of any Unicode encoding
            for key in ("images", "annotations"):
                if not isinstance(content[key], list):
                    raise UserError(f"{path} is no COCO instances file: `{key}` is no list")
            if any("segments_info" in (node or {}) for node in content["annotations"][:1]):
                raise UserError(f"{path} {_PANOPTIC}")
            for node in content["images"]:
                found._add_photo(path, node)
            for node in content.get("categories") or ():
                number = fields.identifier(node["id"], "categories.id")
                name = found.categories.setdefault(number, str(node["name"]))
                if name != str(node["name"]):
                    both = f"{name} and {node['name']}"
                    raise UserError(f"{path}: category id {node['id']} stands for {both}; give each its own id")
                found.category_ids[number] = node["id"]
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{path} is no whole JSON file ({error}); fetch it anew") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} is no COCO instances file: {type(error).__name__} {error}") from error
        found._add_annotations(rows)
        return found

    def _add_photo(self, path: Path, node: dict) -> None:
        number = fields.identifier(node["id"], "images.id")
        name = node.get("file_name") or "/".join(str(node.get("coco_url") or "").split("/")[-2:])  # LVIS has an address
        size = (fields.pixels(node.get(key), f"images.{key}") for key in ("height", "width"))
        photo = Photo(node["id"], str(name), *size)
        before = self.photos.setdefault(number, photo)
        if before.file_name != photo.file_name:
            both = f"{before.file_name} and {photo.file_name}"
            raise UserError(f"{path}: image id {node['id']} stands for two files, {both}; give each its own id")

    def _add_annotations(self, rows: list[Annotation]) -> None:
        """Where ids start again in every photograph they are told apart by it."""
        counts = Counter(item.id for item in rows)
        again = sum(count - 1 for count in counts.values())
        within = Counter((item.image_id, item.id) for item in rows)
        if 2 * again >= len(rows) - len(self.photos) > 0 and max(within.values(), default=0) == 1 and again:
            self.notes.append("annotation ids start again in every image: they are numbered by image and id")
            self.annotations = {f"{item.image_id}/{item.id}": item for item in rows}
            return
        for item in rows:
            if self.annotations.setdefault(item.id, item) is not item:
                self.twice.add(item.id)


def _annotation(node: dict, row: int) -> Annotation:
    """Whatever the fields hold; what is wrong with them is its `problem`."""
    problems: list[str] = []

    def read(reader, key: str, default: Any = None) -> Any:
        try:
            return reader(node.get(key), key)
        except ValueError as error:
            problems.append(str(error))
            return default

    return Annotation(
        id=read(fields.identifier, "id", f"row {row}") if "id" in node else f"row {row}",
        image_id=read(fields.identifier, "image_id", ""),
        category_id=read(fields.identifier, "category_id") if node.get("category_id") is not None else None,
        is_crowd=read(fields.flag, "iscrowd", False),
        bbox=read(fields.box, "bbox"),
        segmentation=read(fields.segmentation, "segmentation"),
        area=read(fields.number, "area") if node.get("area") not in (None, "", 0) else None,
        problem="; ".join(problems) or None,
    )
