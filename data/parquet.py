"""The parquet files of a prepared dataset: the columns verl reads, written in bounded memory, the same bytes each time.

`images` holds one struct a row, in the form verl's readers take: {"bytes": PNG or JPEG} where images are embedded,
{"image": path} where they are referenced (`image_reference.py`).  A file has one of the two, because verl takes a
struct with both fields for bytes.
"""

import hashlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
_IMAGES = {
    "embedded": pa.list_(pa.struct({"bytes": pa.binary()})),
    "referenced": pa.list_(pa.struct({"image": pa.string()})),
}
_EXTRA = dict.fromkeys(
    ("sample_id", "split", "image_id", "ann_id", "task", "expression", "source_image_id", "category_id", "category"),
    pa.string(),
)
_ROW_GROUP = 256  # rows in memory at a time; with photographs of 200 kB, 50 MB

IMAGES = tuple(_IMAGES)


def schema(stage: str, images: str = "embedded") -> pa.Schema:
    """Columns of a stage (sft, rl) whose images are `embedded` or `referenced`."""
    if stage == "sft":
        facts = {key: pa.string() for key in ("data_source", "ability", "sample_id")}
        return pa.schema({"messages": _MESSAGES, "images": _IMAGES[images], **facts})
    return pa.schema(
        {
            "data_source": pa.string(),
            "prompt": _MESSAGES,
            "images": _IMAGES[images],
            "ability": pa.string(),
            "reward_model": pa.struct({"style": pa.string(), "ground_truth": pa.string()}),
            "extra_info": pa.struct({"index": pa.int64(), **_EXTRA}),
        }
    )


def write_parquet(path: Path, stage: str, rows: Iterable[dict], images: str = "embedded") -> dict:
    """Write the rows of a stage; returns {"rows", "bytes", "sha256"}."""
    return write_table(path, schema(stage, images), rows)


def write_table(path: Path, columns: pa.Schema, rows: Iterable[dict]) -> dict:
    """Like `write_parquet`, for any columns.  The file takes its name when it is whole."""
    unfinished, n_rows = path.with_suffix(".unfinished"), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(unfinished, columns, compression="zstd") as writer:
        remaining = iter(rows)
        while batch := list(islice(remaining, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema=columns))
            n_rows += len(batch)
    unfinished.rename(path)
    return {"rows": n_rows, "bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
