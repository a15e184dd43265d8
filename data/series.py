"""`Series`: several sources of files as one, each of its splits being theirs of that name, one behind the other.

Why: the paper trains on RefCOCO, RefCOCO+, RefCOCOg and RefCLEF together.  An expression of a large dataset is drawn as
often as one of a small dataset, and every sample keeps the name of the dataset it is from.
How: `conf/dataset/refcoco_series.yaml`; what stands beside `members` is every member's, unless it says otherwise.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate, chain
from typing import Any, ClassVar, Self

from data.record import Record
from data.record_source import RecordSource
from polygon import UserError


@dataclass(kw_only=True)
class Series(RecordSource):
    """`members`: sources of files, in the order of their records."""

    layout: ClassVar[str] = "give the members, each as the `source` of a dataset, by name"
    members: tuple[RecordSource, ...]

    @classmethod
    def from_config(cls, options: Mapping[str, Any]) -> Self:
        """From `members`, name -> source; null leaves one out.  Raises UserError, also for what a member raises."""
        from data.sources import open_source  # the table there names this class

        nodes = options.get("members")
        if not isinstance(nodes, Mapping) or not any(nodes.values()):
            raise UserError(f"dataset.source.members: {nodes!r} has no member; {cls.layout}")
        shared = {key: value for key, value in options.items() if key not in ("name", "members")}
        members = []
        for name, node in nodes.items():
            if node is None:
                continue
            try:
                member = open_source({"name": name, "source": {**shared, **node}})
            except UserError as error:
                raise UserError(f"{name} of the series: {error}") from error
            if not isinstance(member, RecordSource):
                raise UserError(f"dataset.source.members.{name}: {node.get('kind')} is endless and cannot be a member")
            members.append(member)
        own = {item.name for item in fields(RecordSource)}
        return cls(**{key: value for key, value in options.items() if key in own}, members=tuple(members))

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(split for member in self.members for split in member.splits))

    def records(self, split: str) -> Sequence[Record]:
        if split not in self._records:
            self._records[split] = _Chain([m.records(split) for m in self.members if split in m.splits])
        return self._records[split]

    def expression_counts(self, split: str) -> Sequence[int]:
        return list(chain.from_iterable(m.expression_counts(split) for m in self.members if split in m.splits))

    @cached_property
    def _records(self) -> dict[str, Sequence[Record]]:
        return {}


class _Chain(Sequence[Record]):
    def __init__(self, parts: list[Sequence[Record]]):
        self._parts = parts
        self._starts = [0, *accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, index: int) -> Record:
        if not 0 <= index < len(self):
            raise IndexError(f"{index} is not one of {len(self)} records")
        part = bisect_right(self._starts, index) - 1
        return self._parts[part][index - self._starts[part]]
