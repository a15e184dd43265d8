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
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson

from data import coco_fields as fields
from data.record import OUTSIDE
from polygon import UserError

Box = tuple[float, float, float, float]
STREAMED_BYTES = 2**30
"""Larger files are read entry by entry; COCO's largest has half of it."""
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


class _WholeFile:
    """A JSON file parsed at once, of any Unicode encoding; objects that `keep` returns None for leave None behind."""

    def __init__(self, path: Path, keep: Callable[[dict], dict | None]):
        self.path, self.content = path, json.loads(path.read_bytes(), object_hook=keep)

    def entries(self, key: str) -> Iterable[Any]:
        entries = self.content[key] if key != "categories" else self.content.get(key) or []
        if not isinstance(entries, list):
            raise UserError(f"{self.path} is no COCO instances file: `{key}` is no list")
        return entries


class _StreamedFile:
    """The same of a UTF-8 file, entry by entry: half as slow again, in memory that does not grow with the file."""

    def __init__(self, path: Path):
        self.path = path

    def entries(self, key: str) -> Iterator[Any]:
        count = 0
        with self.path.open("rb") as file:
            for count, node in enumerate(ijson.items(file, f"{key}.item", use_float=True), start=1):  # noqa: B007
                yield node
        if not count and key == "images":
            raise UserError(f"{self.path} is no COCO instances file: `{key}` is no list, or empty")


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

        def add(node: dict) -> None:
            item = _annotation(node, len(rows) + 1)
            if wanted is None or item.id in wanted:
                rows.append(item)

        def keep(node: dict) -> dict | None:
            if "image_id" in node and ("segmentation" in node or "bbox" in node):
                return add(node)  # JSON's own list then holds nothing of it
            return node

        try:
            file = _StreamedFile(path) if path.stat().st_size > STREAMED_BYTES else _WholeFile(path, keep)
            for node in file.entries("images"):
                found._add_photo(path, node)
            for node in file.entries("categories"):
                found._add_category(path, node)
            for node in file.entries("annotations"):
                if isinstance(node, dict) and "segments_info" in node:
                    raise UserError(f"{path} {_PANOPTIC}")
                if node is not None:  # streamed, or without the keys that an annotation has
                    add(node if isinstance(node, dict) else {})
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (json.JSONDecodeError, ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(f"{path} is no whole JSON file ({error}); fetch it anew") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} is no COCO instances file: {type(error).__name__} {error}") from error
        found._add_annotations(rows)
        return found

    def overhanging(self) -> Iterator[Photo]:
        """Photographs one of whose outlines leaves the size they are stated to have, and fits it with sides swapped.

        Where such a photograph is stored sideways, outlines are those of the photograph as it is shown.
        """
        for item in self.annotations.values():
            photo = self.photos.get(item.image_id)
            if photo is not None and photo.width != photo.height and isinstance(item.segmentation, list):
                rings = [part for part in item.segmentation if isinstance(part, array) and len(part) >= 6]
                x, y = (max((max(ring[axis::2]) for ring in rings), default=0.0) for axis in (0, 1))
                slack = 1 + OUTSIDE
                leaves = x > slack * photo.width or y > slack * photo.height
                if leaves and x <= slack * photo.height and y <= slack * photo.width:
                    yield photo

    def _add_photo(self, path: Path, node: dict) -> None:
        number = fields.identifier(node["id"], "images.id")
        name = node.get("file_name") or "/".join(str(node.get("coco_url") or "").split("/")[-2:])  # LVIS has an address
        size = (fields.pixels(node.get(key), f"images.{key}") for key in ("height", "width"))
        photo = Photo(node["id"], str(name), *size)
        before = self.photos.setdefault(number, photo)
        if before.file_name != photo.file_name:
            both = f"{before.file_name} and {photo.file_name}"
            raise UserError(f"{path}: image id {node['id']} stands for two files, {both}; give each its own id")

    def _add_category(self, path: Path, node: dict) -> None:
        number = fields.identifier(node["id"], "categories.id")
        if node["name"] is None or not str(node["name"]).strip():
            return  # its objects are counted as those of no category
        name = self.categories.setdefault(number, str(node["name"]))
        if name != str(node["name"]):
            both = f"{name} and {node['name']}"
            raise UserError(f"{path}: category id {node['id']} stands for {both}; give each its own id")
        self.category_ids[number] = node["id"]

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
