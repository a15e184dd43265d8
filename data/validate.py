"""Every record of a split looked at once, before rows are made of it.

Why: a dataset from disk is wrong in ways that training hides: images that are not there or of another size, masks
outside of their image, ids that occur twice.  What is found is kept (`checked_records.py`), with the answer to the
mask: rows are made of that, so that a record is read, put together and encoded once, however many its rows.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.checked import check
from data.checked_records import COLUMNS, row_of
from data.parquet import write_table
from data.partial_folder import PartialFolder
from data.problems import BadRow
from data.record import Record
from data.record_source import RecordSource
from data.workers import Advance, share
from polygon import Codec, rle_decode

FOLDER = "checks"
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
    check = partial(_check, source, orders, codec, made.path)
    for chunk, facts in share(check, unchecked, workers, advance):
        made.finish(chunk.name, facts)
    return {split: [made.path / chunk.name for chunk in chunks if chunk.split == split] for split in tasks}


def read_checks(files: Iterable[Path], columns: Sequence[str], numbers: NDArray[np.integer] | None = None) -> pa.Table:
    """`number` and other columns of the files of `validate`, in the order of the records; of `numbers` alone."""
    columns = list(dict.fromkeys(["number", *columns]))
    among = None if numbers is None else pa.array(numbers)
    tables = [COLUMNS.empty_table().select(columns)]
    for file in files:
        table = pq.read_table(file, columns=columns)
        tables.append(table if among is None else table.filter(pc.is_in(table["number"], among)))
    return pa.concat_tables(tables).sort_by("number")


def _by_image(records: Sequence[Record]) -> Sequence[int]:
    """Record numbers, those of one photograph together: it is then opened once, by one process.

    Records that hold their image come as they are: to look at them all would be to read the whole dataset.
    """
    if not records or isinstance(records[0].image, bytes):
        return range(len(records))
    image_ids = [record.image_id for record in records]
    return array("q", sorted(range(len(image_ids)), key=image_ids.__getitem__))


def _check(
    source: RecordSource,
    orders: Mapping[str, Sequence[int]],
    codec: Codec,
    folder: Path,
    chunk: Chunk,
    advance: Advance,
) -> dict:
    numbers = orders[chunk.split][chunk.start : chunk.stop]
    return write_table(folder / chunk.name, COLUMNS, _checks(source, numbers, codec, chunk, advance))


def _checks(
    source: RecordSource, numbers: Sequence[int], codec: Codec, chunk: Chunk, advance: Advance
) -> Iterator[dict]:
    records = source.records(chunk.split)
    for done, number in enumerate(numbers, start=1):
        record = records[number]
        row = {key: getattr(record, key) for key in ("source", "ann_id", "image_id")}
        row |= {"number": number, "texts": max(1, len(record.expressions))}
        try:
            found = check(record, chunk.task, decode=source.decode_images)
        except BadRow as bad:
            row |= {"reason": bad.reason, "detail": bad.detail}
            row["image"] = record.image if isinstance(record.image, str) else None
        else:
            row |= row_of(found)
            if found.rle and found.box and chunk.task == "text2mask":
                row["mask_text"] = codec.text(rle_decode(found.rle))
        yield row
        if done % _EACH == 0 or done == len(numbers):
            advance((done - 1) % _EACH + 1)
