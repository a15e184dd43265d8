"""Every record of a split looked at once, before rows are made of it.

Why: a dataset from disk is wrong in ways that training hides: images that are not there or of another size, masks
outside of their image, ids that occur twice.  A record passes if `RecordSource.sample` makes a sample of it, which is
what rows are made by afterwards.  The answer to its mask is kept (`mask_texts.py`), the costly part of a row.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.image_file import read_image
from data.mask_texts import mask_key
from data.parquet import write_table
from data.partial_folder import PartialFolder
from data.problems import BadRow
from data.record import Record
from data.record_source import RecordSource
from data.workers import Advance, share
from polygon import Codec, rle_decode

COLUMNS = pa.schema(
    {
        "number": pa.int64(),  # of the record in its split
        **dict.fromkeys(("source", "ann_id", "image_id"), pa.string()),
        "texts": pa.int32(),
        **dict.fromkeys(("reason", "detail", "image"), pa.string()),  # null for a record that can be used
        "converted": pa.string(),  # what had to be changed about its image file: rotated, cmyk, 16-bit ...
        "mask_key": pa.uint64(),
        "mask_text": pa.string(),
    }
)
FOLDER = "checks"
FACTS = ("source", "ann_id", "image_id", "texts", "reason", "detail", "image", "converted")
_RECORDS = 4096  # a file
_EACH = 64  # records between two steps of the progress bar


@dataclass(frozen=True, order=True)
class Chunk:
    """Records `start` to `stop` (exclusive) of a split in the order of `_by_image`, to be checked with `task`."""

    split: str
    start: int
    stop: int
    task: str

    @property
    def name(self) -> str:
        return f"{FOLDER}/{self.split}/{self.start:09d}-{self.task}.parquet"


class InOrder(RecordSource):
    """A source asked about record after record, each with its first expression."""

    def __init__(self, source: RecordSource):
        super().__init__(name=source.name, seed=source.seed, decode_images=source.decode_images)
        self._source = source

    @property
    def splits(self) -> tuple[str, ...]:
        return self._source.splits

    def records(self, split: str) -> Sequence[Record]:
        return self._source.records(split)

    def text(self, split: str, index: int) -> tuple[Record, str | None]:
        record = self.records(split)[index]
        return record, next(iter(record.expressions), None)


def validate(
    source: RecordSource,
    tasks: Mapping[str, str],
    codec: Codec,
    made: PartialFolder,
    workers: int,
    advance: Advance,
) -> dict[str, list[Path]]:
    """By split, parquet files of COLUMNS with a row a record.

    `tasks` maps every split to check to text2mask, which its records have to serve, or to text2box where boxes will do.
    What an interrupted call checked is read from `made`, not checked again; `advance` is told of every record.
    """
    orders = {split: _by_image(source.records(split)) for split in tasks}
    chunks = [
        Chunk(split, start, min(start + _RECORDS, len(orders[split])), task)
        for split, task in tasks.items()
        for start in range(0, len(orders[split]), _RECORDS)
    ]
    unchecked = [chunk for chunk in chunks if chunk.name not in made.finished]
    advance(sum(chunk.stop - chunk.start for chunk in chunks if chunk not in unchecked))
    check = partial(_check, InOrder(source), orders, codec, made.path)
    for chunk, facts in share(check, unchecked, workers, advance):
        made.finish(chunk.name, facts)
    return {split: [made.path / chunk.name for chunk in chunks if chunk.split == split] for split in tasks}


def read_checks(files: Iterable[Path], columns: Sequence[str]) -> pa.Table:
    """Some columns of the files of `validate`, in the order of the records."""
    columns = ["number", *columns]
    empty = COLUMNS.empty_table().select(columns)
    return pa.concat_tables([empty, *(pq.read_table(file, columns=columns) for file in files)]).sort_by("number")


def _by_image(records: Sequence[Record]) -> Sequence[int]:
    """Record numbers, those of one photograph together: it is then opened once, by one process.

    Records that hold their image come as they are: to look at them all would be to read the whole dataset.
    """
    if not records or isinstance(records[0].image, bytes):
        return range(len(records))
    image_ids = [record.image_id for record in records]
    return array("q", sorted(range(len(image_ids)), key=image_ids.__getitem__))


def _check(
    source: InOrder, orders: Mapping[str, Sequence[int]], codec: Codec, folder: Path, chunk: Chunk, advance: Advance
) -> dict:
    numbers = orders[chunk.split][chunk.start : chunk.stop]
    return write_table(folder / chunk.name, COLUMNS, _checks(source, numbers, codec, chunk, advance))


def _checks(source: InOrder, numbers: Sequence[int], codec: Codec, chunk: Chunk, advance: Advance) -> Iterator[dict]:
    for done, number in enumerate(numbers, start=1):
        record, _ = source.text(chunk.split, number)
        row = {key: getattr(record, key) for key in ("source", "ann_id", "image_id")}
        row |= {"number": number, "texts": max(1, len(record.expressions))}
        try:
            sample = source.sample(chunk.split, number, chunk.task)
        except BadRow as bad:
            row |= {"reason": bad.reason, "detail": bad.detail}
            row["image"] = record.image if isinstance(record.image, str) else None
        else:
            if sample.image != record.image:
                size = (record.height, record.width) if record.height and record.width else None
                row["converted"] = ", ".join(read_image(record.image, size, decode=False).notes)
            if sample.rle and sample.box and chunk.task == "text2mask":
                row["mask_key"], row["mask_text"] = mask_key(sample.rle), codec.text(rle_decode(sample.rle))
        yield row
        if done % _EACH == 0 or done == len(numbers):
            advance((done - 1) % _EACH + 1)
