"""Reading a prepared dataset back: `for sample in read_samples("outputs/data", "shapes", "val"): ...`.

Why: generation and evaluation stream over the same RL rows that verl trains on.  A row that cannot be used (a missing
column, an undecodable image, an unreadable ground truth) is skipped, named in a warning, and kept in `skipped`.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.image_reference import dereference
from data.sample import Sample
from data.shards import split_files, split_names
from data.task import TASKS
from polygon import Target, UserError, rle_decode

_LOG = logging.getLogger(__name__)
_BATCH = 64  # rows in memory at a time
_COLUMNS = ("data_source", "prompt", "images", "reward_model", "extra_info")


@dataclass(frozen=True, kw_only=True)
class PreparedSample(Sample):
    """A sample as prepared; `prompt` is the user's message, image placeholder included.  `prompt_region` stays None."""

    index: int
    prompt: str


@dataclass
class PreparedRows:
    """Iterable over the usable rows of a split, in order; `skipped` holds (row, reason) of the last pass.

    `path` is the split's folder, or its file if it was made elsewhere; `files` are its shards.
    """

    path: Path
    files: list[Path]
    skipped: list[tuple[int, str]] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Rows, usable or not, as the files say."""
        return sum(pq.read_metadata(file).num_rows for file in self.files)

    def digest(self) -> str:
        """16 hex digits of what is asked and what is right: ids and targets, in any order of the rows."""
        total = 0
        for path in self.files:
            for row in _batches(path, ["reward_model", "extra_info"]):
                asked = [(row.get("extra_info") or {}).get("sample_id"), row.get("reward_model")]
                total += int.from_bytes(hashlib.blake2b(repr(asked).encode(), digest_size=8).digest(), "big")
        return f"{total % 2**64:016x}"

    def __iter__(self) -> Iterator[PreparedSample]:
        self.skipped.clear()
        usable = 0
        for row_number, row in enumerate(self._raw_rows()):
            try:
                sample = _sample(row)
            except (UserError, LookupError, TypeError, ValueError) as error:
                reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
                self.skipped.append((row_number, reason))
                _LOG.warning("%s: row %d skipped: %s", self.path, row_number, reason)
                continue
            usable += 1
            yield sample
        if self.skipped:
            _LOG.warning("%s: %d of %d rows skipped", self.path, len(self.skipped), len(self.skipped) + usable)
        if not usable:
            raise UserError(f"{self.path} holds no usable row; prepare it again with force=true")

    def _raw_rows(self) -> Iterator[dict]:
        for path in self.files:
            yield from _batches(path, _COLUMNS)


def _batches(path: Path, columns: Sequence[str]) -> Iterator[dict]:
    """The rows of a file, those of the columns that it has."""
    try:
        with pq.ParquetFile(path) as file:
            known = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(_BATCH, columns=known):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is no readable parquet file; prepare it again with force=true") from error


def read_samples(data_root: str | Path, name: str, split: str) -> PreparedRows:
    """The rows of a split of `<data_root>/<name>/rl`.

    Raises UserError at once if the dataset was not prepared or has no such split, and while iterating if a file is
    damaged or no row can be used.
    """
    folder = Path(data_root) / name / "rl"
    if files := split_files(folder, split):
        return PreparedRows(files[0] if files[0].parent == folder else files[0].parent, files)
    if known := split_names(folder):
        raise UserError(f"{folder} has no split {split!r}; it has {', '.join(known)}")
    elsewhere = "" if Path(data_root) == Path("outputs/data") else f" data_root={data_root}"
    command = f"python -m data.prepare dataset={name}{elsewhere}"
    raise UserError(f"dataset {name!r} is not prepared ({folder / split} is missing); run {command}")


def _sample(row: dict) -> PreparedSample:
    """Raises UserError naming what the row lacks; LookupError, TypeError or ValueError if it is laid out otherwise."""
    for column in _COLUMNS:
        if row.get(column) is None:
            raise UserError(f"column {column!r} is missing")
    cell = row["images"][0] if row["images"] else {}
    image = dereference(cell["image"]) if cell.get("image") else cell.get("bytes")
    if not image:
        raise UserError("there is no image")
    extra = row["extra_info"]
    target = Target.from_json(row["reward_model"]["ground_truth"])
    if target.task not in TASKS:
        raise UserError(f"unknown task {target.task!r}")
    for part in (target.rle, target.ignored, target.twice):
        if part is not None:
            rle_decode(part)  # here, so that damaged run lengths are found here
    sample = PreparedSample(
        sample_id=extra["sample_id"],
        source=row["data_source"],
        split=extra["split"],
        task=target.task,
        image=image,
        height=target.height,
        width=target.width,
        expression=extra["expression"],
        prompt_region=None,
        rle=target.rle,
        box=target.box,
        image_id=extra["image_id"],
        ann_id=extra["ann_id"],
        source_image_id=json.loads(extra.get("source_image_id") or "null"),
        category_id=json.loads(extra.get("category_id") or "null"),
        category=extra.get("category"),
        ignored=target.ignored,
        twice=target.twice,
        index=extra["index"],
        prompt=row["prompt"][0]["content"],
    )
    size = sample.pixels().shape[:2]
    if size != (target.height, target.width):
        raise UserError(f"image is {size[0]} x {size[1]} px, its ground truth {target.height} x {target.width}")
    return sample
