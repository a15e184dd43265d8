"""The shards of a prepared split: `<stage>/<split>/00003-of-00008.parquet`, one file or many by the same rule.

Why: a split is a folder, so that pandas (verl's SFT reader) takes the folder, Hugging Face datasets (verl's RL reader)
takes `<folder>/*.parquet`, and both find however many shards there are, in order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from polygon import UserError

_NAME = re.compile(r"\d{5}-of-(\d{5})\.parquet")


@dataclass(frozen=True, order=True)
class Shard:
    """Rows `start` to `stop` (exclusive) of a split, as file `number` of `count`."""

    stage: str
    split: str
    number: int
    count: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Path in the dataset's folder."""
        return f"{self.stage}/{self.split}/{self.number:05d}-of-{self.count:05d}.parquet"


def shards_of(stage: str, split: str, n_rows: int, rows_each: int) -> Iterator[Shard]:
    """The shards of `n_rows` rows, `rows_each` in all but the last: never a question of how many processes write."""
    count = -(-n_rows // rows_each)
    for number in range(count):
        start = number * rows_each
        yield Shard(stage, split, number, count, start, min(start + rows_each, n_rows))


def split_files(folder: Path, split: str) -> list[Path]:
    """The files of a split in `folder` (that of a stage), in order; or `<split>.parquet`, a file made elsewhere.

    Empty where there is no such split.  Raises UserError when shards are missing.
    """
    if (single := folder / f"{split}.parquet").is_file():
        return [single]
    found = {path.name: path for path in sorted((folder / split).glob("*.parquet"))}
    counts = {int(match[1]) for name in found if (match := _NAME.fullmatch(name))}
    expected = [f"{number:05d}-of-{max(counts):05d}.parquet" for number in range(max(counts, default=0))]
    if missing := [name for name in expected if name not in found]:
        raise UserError(f"{folder / split}: shard {missing[0]} is missing; prepare the dataset again with force=true")
    return [found[name] for name in expected]


def split_names(folder: Path) -> list[str]:
    """The splits that `folder` (that of a stage) has."""
    return sorted(
        {path.parent.name for path in folder.glob("*/*.parquet")} | {p.stem for p in folder.glob("*.parquet")}
    )
