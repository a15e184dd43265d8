"""The door to every source of samples: `dataset.source.kind` -> class.

Why: one explicit table; a new source is a file of this package and a line here.
"""

from collections.abc import Mapping
from typing import Protocol

from data.sample import Sample
from data.shapes import Shapes
from polygon import UserError


class Source(Protocol):
    """Samples by random access.  `split` is a key of `scene.SPLITS`."""

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    def sample(self, split: str, index: int, task: str) -> Sample: ...


SOURCES = {"shapes": Shapes}


def open_source(dataset: Mapping) -> Source:
    """From the `dataset` node as plain containers.  Raises UserError for an unknown kind or key."""
    options = dict(dataset["source"])
    kind = options.pop("kind", None)
    if kind not in SOURCES:
        raise UserError(f"dataset.source.kind: {kind!r} is unknown; known: {', '.join(SOURCES)}")
    return SOURCES[kind].from_config({"name": dataset["name"], **options})
