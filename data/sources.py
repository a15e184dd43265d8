"""The door to every source of samples: `dataset.source.kind` -> class.

Why: one explicit table; a new source is a file of this package and a line here.
"""

from collections.abc import Mapping
from typing import Protocol

from data.coco import Coco
from data.huggingface import HuggingFace
from data.reason_seg import ReasonSeg
from data.refer import Refer
from data.refer_boxes import ReferBoxes
from data.sample import Sample
from data.series import Series
from data.shapes import Shapes
from polygon import UserError


class Source(Protocol):
    """Samples by random access.  `split` is one of `splits`, an index any number from 0.

    `size` is the number of texts, after which a source of files comes to them again; None for an endless source.
    `sample` raises data.problems.BadRow for what cannot be used.  The sample's own `task` is the one to ask: where
    several objects or none are meant it is text2mask, whatever was asked for.
    """

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def splits(self) -> tuple[str, ...]: ...

    def size(self, split: str) -> int | None: ...

    def sample(self, split: str, index: int, task: str) -> Sample: ...


SOURCES = {
    "shapes": Shapes,
    "refer": Refer,
    "refer_boxes": ReferBoxes,
    "coco": Coco,
    "huggingface": HuggingFace,
    "reason_seg": ReasonSeg,
    "series": Series,
}


def open_source(dataset: Mapping) -> Source:
    """From the `dataset` node as plain containers.  Raises UserError for an unknown kind or key."""
    options = dict(dataset["source"])
    kind = options.pop("kind", None)
    if kind not in SOURCES:
        raise UserError(f"dataset.source.kind: {kind!r} is unknown; known: {', '.join(SOURCES)}")
    return SOURCES[kind].from_config({"name": dataset["name"], **options})
