"""The parquet files of a prepared dataset: schema, deterministic writing, a folder that appears whole or not at all.

Why: verl reads these columns; a killed `prepare` must leave either the old dataset or the new one, never half of one.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from polygon import UserError

_MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))
_IMAGES = pa.list_(pa.struct({"bytes": pa.binary()}))
_EXTRA = {key: pa.string() for key in ("sample_id", "split", "image_id", "ann_id", "task", "expression")}
SCHEMAS = {
    "sft": pa.schema({"messages": _MESSAGES, "images": _IMAGES, "sample_id": pa.string()}),
    "rl": pa.schema(
        {
            "data_source": pa.string(),
            "prompt": _MESSAGES,
            "images": _IMAGES,
            "ability": pa.string(),
            "reward_model": pa.struct({"style": pa.string(), "ground_truth": pa.string()}),
            "extra_info": pa.struct({"index": pa.int64(), **_EXTRA}),
        }
    ),
}
_ROW_GROUP = 256  # rows in memory at a time; with photographs of 200 kB, 50 MB


def write_parquet(path: Path, stage: str, rows: Iterable[dict]) -> dict:
    """Write rows in bounded memory; returns {"rows", "bytes", "sha256"}.  The same rows give the same bytes."""
    schema, n_rows = SCHEMAS[stage], 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        remaining = iter(rows)
        while batch := list(islice(remaining, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            n_rows += len(batch)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"rows": n_rows, "bytes": path.stat().st_size, "sha256": digest}


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Wait until nobody else writes `folder`.  The lock goes with its process, however that ends."""
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f".{folder.name}.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder that takes the place of `folder` when the block ends well, and vanishes when it does not.

    Hold `sole_writer`.  What a killed writer left behind is removed by the next one.
    """
    partial, old = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "old"))
    with _naming(folder):
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            if folder.exists():
                folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"cannot write {place}: {error.strerror}; set data_root to a writable folder") from error
