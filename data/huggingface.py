"""`HuggingFace`: tables with an image, expressions and a segmentation or box a row, from a disk or from the hub.

Why: RefCOCO and its kin are passed around as parquet in half a dozen layouts; a map of columns reads them all.
How: `dataset=huggingface`, which is lmms-lab's RefCOCO, shows the keys.  `path` is a parquet file, a folder of them,
what `save_to_disk` wrote, or a dataset of the hub.  Needs the package `datasets`: it keeps tables in files that are
mapped, not read, into memory.
"""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from data.hub_table import open_table
from data.image_file import read_image
from data.lazy_records import LazyRecords
from data.problems import BadRow
from data.record import Record, image_id
from data.record_source import RecordSource
from data.table_cells import BOX_FORMATS, box_px, cell, items, segmentations, texts
from polygon import UserError

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = ("image", "expressions", "segmentation", "box", "image_id", "ann_id", "height", "width")
_OF_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_Entry = tuple[int, int | None]  # a row, and which of its objects where `each` has several


@dataclass(kw_only=True)
class HuggingFace(RecordSource):
    """One dataset.

    `split_names`: by our name for a split, theirs, or files below a local `path` ("data/val-*.parquet").
    `columns`: by what it holds (COLUMNS), a column or a path into one (`table_cells.cell`); image and expressions, and
    segmentation or box, have to be there.  `each` is a column with a list of objects, or a dict of lists, whose fields
    then are columns.  `box_format` is xywh, xyxy or cxcywh, in px or, with `box_range`, from 0 to 1 (or to 1000).
    `images` is the folder that paths in the table start from; masks are also found beside the table.
    `photographs` names the collection, `mscoco` where ids are COCO's numbers; the default is the dataset's own.
    `subset` is the hub's name for a configuration, `revision` its commit.
    """

    layout: ClassVar[str] = (
        "name a parquet file, a folder of parquet files or of `save_to_disk`, or a dataset of the hub (owner/name)"
    )
    path: str
    split_names: dict
    columns: dict
    box_format: str = "xywh"
    box_range: float | None = None
    each: str | None = None
    images: str | None = None
    photographs: str | None = None
    subset: str | None = None
    revision: str | None = None

    def __post_init__(self) -> None:
        """Raises UserError for settings that cannot be."""
        for key in self.columns:
            if key not in COLUMNS:
                raise UserError(f"dataset.source.columns.{key}: unknown key; known: {', '.join(COLUMNS)}")
        for needed in (("image",), ("expressions",), ("segmentation", "box")):
            if not self._columns.keys() & set(needed):
                raise UserError(f"dataset.source.columns has no {' or '.join(needed)}")
        if self.box_format not in BOX_FORMATS:
            known = ", ".join(BOX_FORMATS)
            raise UserError(f"dataset.source.box_format: {self.box_format!r} is unknown; known: {known}")
        if self.box_range is not None and not self.box_range > 0:
            raise UserError(f"dataset.source.box_range: {self.box_range} is no number above 0, or null for px")
        if not Path(self.path).exists() and not _OF_HUB.fullmatch(self.path):
            raise UserError(f"{self.path} is no file or folder, and no owner/name of the hub; set dataset.source.path")
        if not self.split_names:
            raise UserError("dataset.source.split_names is empty; give the dataset's splits by our names")

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.split_names)

    def records(self, split: str) -> Sequence[Record]:
        return LazyRecords(self._open(split)[1], partial(self._record, split))

    def expression_counts(self, split: str) -> Sequence[int]:
        return self._open(split)[2]

    @cached_property
    def _columns(self) -> dict[str, str]:
        """Those that are set: an override with null takes one away."""
        return {key: column for key, column in self.columns.items() if column is not None}

    @cached_property
    def _opened(self) -> dict[str, tuple["Dataset", list[_Entry], list[int]]]:
        return {}

    def _open(self, split: str) -> tuple["Dataset", list[_Entry], list[int]]:
        """Its table, where each record is in it, and how many expressions that has; images are not touched."""
        if split in self._opened:
            return self._opened[split]
        table = open_table(self.path, self.split_names[split], self.subset, self.revision)
        for column in [self.each] if self.each else self._columns.values():
            if column.partition(".")[0] not in table.column_names:
                raise UserError(f"{self.path} has no column {column!r}; it has {', '.join(table.column_names)}")
        said = self._columns["expressions"]
        entries, counts = [], []
        top = {said.partition(".")[0], self.each} & set(table.column_names)
        rows: Any = table.select_columns(sorted(top))
        for number, row in enumerate(rows):
            for item in self._items(row):
                entries.append((number, item))
                try:
                    counts.append(len(texts(cell(self._fields(row, item), said))))
                except (ValueError, TypeError, LookupError):
                    counts.append(0)  # `_record` says why
        self._opened[split] = table, entries, counts
        return self._opened[split]

    def _items(self, row: dict) -> Sequence[int | None]:
        """One for each record of a row; one also where its objects cannot be told apart, and `_record` says why."""
        if not self.each:
            return (None,)
        try:
            return range(len(items(row[self.each])))
        except (ValueError, TypeError):
            return (0,)

    def _fields(self, row: dict, item: int | None) -> dict:
        """The columns of a record.  Raises ValueError or TypeError where its row has no objects but something else."""
        return row if item is None else {**row, **items(row[self.each])[item]}

    def _record(self, split: str, entry: _Entry) -> Record:
        number, item = entry
        row, problem = self._open(split)[0][number], None
        found: dict[str, Any] = {}
        readers: dict[str, Callable[[Any], Any]] = {
            "image": self._image,
            "expressions": texts,
            "segmentation": partial(segmentations, folder=self._folder),
            "height": int,
            "width": int,
            "box": lambda value: box_px(value, self.box_format, self._scale(found)),
        }
        at = f"{self.name} {split} row {number}"
        try:
            row = self._fields(row, item)
        except (ValueError, TypeError) as error:
            problem = ("bad_annotation", f"{at}, column {self.each}: {type(error).__name__} {error}"[:300])
        for key in readers | self._columns if not problem else ():
            if key not in self._columns:
                continue
            try:
                found[key] = readers.get(key, str)(cell(row, self._columns[key]))
            except BadRow as bad:
                problem = problem or (bad.reason, bad.detail)
            except Exception as error:  # the cell may hold anything, images included
                detail = f"{at}, column {self._columns[key]}: {type(error).__name__} {error}"
                problem = problem or ("bad_annotation", detail[:300])
        image = found.get("image", b"")
        shown = found["image_id"] if "image_id" in found else self._name_of(image)
        return Record(
            source=self.name,
            split=split,
            image=image,
            image_id=image_id(shown, self.photographs or self.name),
            ann_id=found.get("ann_id", f"{number}" if item is None else f"{number}.{item}"),
            source_image_id=found.get("image_id"),
            height=found.get("height", 0),
            width=found.get("width", 0),
            segmentations=found.get("segmentation", ()),
            box_px=found.get("box"),
            expressions=found.get("expressions", ()),
            problem=problem,
        )

    def _scale(self, found: dict[str, Any]) -> tuple[float, float]:
        """Px for each unit of a box, along x and y.  Raises BadRow for an image that cannot be read."""
        if self.box_range is None:
            return 1.0, 1.0
        height, width = found.get("height"), found.get("width")
        if not height or not width:
            facts = read_image(found.get("image", b""), decode=False)
            height, width = facts.height, facts.width
        return width / self.box_range, height / self.box_range

    @property
    def _folder(self) -> str:
        """That paths in the table start from."""
        return self.images or (self.path if Path(self.path).is_dir() else str(Path(self.path).parent))

    def _image(self, value: Any) -> str | bytes:
        """Encoded bytes, or a path below `images`."""
        image = (value["bytes"] or value["path"]) if isinstance(value, dict) else value
        if isinstance(image, str):
            return str(Path(self.images or "") / image)
        if not isinstance(image, bytes):
            raise TypeError(f"an image is bytes or a path, not {type(image).__name__}")
        return image

    def _name_of(self, image: str | bytes) -> str:
        """What tells photographs apart that have no id: their file below `images`, or their bytes."""
        if isinstance(image, str):
            return os.path.relpath(image, self.images) if self.images else image
        return hashlib.blake2b(image, digest_size=8).hexdigest()
