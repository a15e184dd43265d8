"""`CheckedRecords`: what was found about the records of a split, as columns: written to parquet, read back by number.

Why: rows ask for records in a random order, several times each, from every process.  In Arrow's memory a million fit,
forked processes share them, and to look one up takes microseconds.
"""

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from data.checked import Checked, look
from data.lazy_records import LazyRecords
from data.record import Record

COLUMNS = pa.schema(
    {
        "number": pa.int64(),  # of the record in its split
        **dict.fromkeys(("source", "ann_id", "image_id"), pa.string()),
        **dict.fromkeys(("source_image_id", "category_id"), pa.string()),  # as JSON: 17 is not "17"
        "category": pa.string(),
        "digest": pa.string(),  # of the image file; null where only its header was read
        "look_hash": pa.uint64(),  # of what it looks like; null also where nothing is to see
        "texts": pa.int32(),
        **dict.fromkeys(("reason", "detail"), pa.string()),  # null for a record that can be used
        "image": pa.string(),  # path; null for one that has to be converted, and for bytes
        "converted": pa.string(),  # what had to be changed about its image file: rotated, cmyk, 16-bit ...
        **dict.fromkeys(("height", "width"), pa.int32()),
        "expressions": pa.large_list(pa.large_string()),  # large: of ten million records they are gigabytes
        "is_single": pa.bool_(),
        "counts": pa.large_string(),  # of the run lengths; null without a mask
        "ignored": pa.large_string(),  # the same of these parts, null for no pixel
        "twice": pa.large_string(),
        "box": pa.list_(pa.float64(), 4),
        "mask_text": pa.large_string(),
    }
)
FACTS = ("source", "ann_id", "image_id", "digest", "look_hash", "texts", "reason", "detail", "image", "converted")
"""What is reported of a record."""
CONTENT = tuple(
    name for name in COLUMNS.names if name not in ("texts", "digest", "look_hash", "reason", "detail", "converted")
)
"""What rows are made of."""
_AS_JSON = ("source_image_id", "category_id")
_OF_CHECKED = (
    "source",
    "ann_id",
    "image_id",
    "category",
    "digest",
    "look_hash",
    "height",
    "width",
    "expressions",
    "is_single",
    "box",
)


def row_of(found: Checked) -> dict:
    """The columns of what was found; `number`, `texts` and `mask_text` are not among it."""
    row = {name: getattr(found, name) for name in _OF_CHECKED}
    row["image"] = found.image if isinstance(found.image, str) else None
    row["converted"] = ", ".join(found.converted) or None
    for name, part in (("counts", found.rle), ("ignored", found.ignored), ("twice", found.twice)):
        row[name] = part["counts"] if part else None
    row |= {name: json.dumps(getattr(found, name)) for name in _AS_JSON}
    return row


class CheckedRecords(Sequence[Checked]):
    """The rows of a table of CONTENT.

    `all_records` are those that its numbers count; `records` are those of the rows, which have the pixels it lacks.
    """

    def __init__(self, table: pa.Table, all_records: Sequence[Record]):
        self.expression_counts = pc.list_value_length(table["expressions"]).to_numpy()
        self.records = LazyRecords(table["number"].to_numpy(), all_records.__getitem__)
        self._columns = {name: table[name].combine_chunks() for name in table.column_names if name != "number"}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Checked:
        """Raises BadRow for an image that has changed since."""
        row = {name: column[index].as_py() for name, column in self._columns.items()}
        size = [row["height"], row["width"]]
        for name, part in (("rle", row.pop("counts")), ("ignored", row["ignored"]), ("twice", row["twice"])):
            row[name] = None if part is None else {"size": size, "counts": part}
        row["image"] = row["image"] or self._image(index)
        row["expressions"] = tuple(row["expressions"])
        row["box"] = tuple(row["box"]) if row["box"] else None
        row |= {name: json.loads(row[name]) for name in _AS_JSON}
        return Checked(**row)

    def _image(self, index: int) -> str | bytes:
        record = self.records[index]
        return look(record, decode=False).encoded or record.image
