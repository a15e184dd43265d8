"""`LazyRecords`: a list of records that are made when asked for, from what a source keeps of each.

Why: ten datasets' worth of finished records, with outlines as Python floats, would not fit into memory.
"""

from collections.abc import Callable, Sequence
from typing import Any, overload

from data.record import Record


class LazyRecords(Sequence[Record]):
    """`build` of every entry of `entries`, made anew each time."""

    def __init__(self, entries: Sequence[Any], build: Callable[[Any], Record]):
        self.entries = entries
        self.build = build

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> "LazyRecords": ...

    def __getitem__(self, index: int | slice) -> "Record | LazyRecords":
        if isinstance(index, slice):
            return LazyRecords(self.entries[index], self.build)
        return self.build(self.entries[index])
