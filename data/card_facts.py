"""`RowFacts`: what the dataset card says of one row, and what it says of many.

Why: the costly figures (decoding a mask, writing it and reading it back) are taken row by row in worker processes;
what comes back is small, and everything the card holds is made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.sample import Sample
from data.statistics import Bins, histogram, summary
from data.task import TASKS
from polygon import Codec, Mask, mask_iou, rle_decode
from polygon.contour import trace

WORDS: Bins = {"1": 1, "2": 2, "3": 3, "4-5": 4, "6-8": 6, "9-12": 9, "13-20": 13, "over 20": 21}
AREAS: Bins = {"under 0.1 %": 0, "to 0.3 %": 0.001, "to 1 %": 0.003, "to 3 %": 0.01} | {
    "to 10 %": 0.03,
    "to 30 %": 0.1,
    "over 30 %": 0.3,
}
PARTS: Bins = {"1": 1, "2": 2, "3": 3, "4": 4, "5 and more": 5}
HOLES: Bins = {"0": 0, "1": 1, "2": 2, "3 and more": 3}


@dataclass(frozen=True, slots=True)
class RowFacts:
    """One row, as drawn and as read back from its own answer; height and width are px.

    `words` is the length of the expression, None for a visual prompt.  `area` is the target's share of the image, parts
    and holes those of at least the codec's `min_area`; None without a target mask.  `iou` and `vertices` are of the
    answer, None unless it is a mask; `readable` says whether the parser finds the answer in the text at all.
    """

    sample_id: str
    question: str
    answer: str
    height: int
    width: int
    has_target: bool
    readable: bool
    words: int | None = None
    area: float | None = None
    parts: int | None = None
    holes: int | None = None
    iou: float | None = None
    vertices: int | None = None


def row_facts(sample: Sample, question: str, answer: str, codec: Codec) -> RowFacts:
    """Measure one row of `SftRows`."""
    region = codec.parse(answer, TASKS[sample.task].answer_kind).region
    facts: dict[str, Any] = {"has_target": sample.box is not None, "readable": region is not None}
    if sample.expression is not None:
        facts["words"] = len(sample.expression.split())
    if sample.rle is not None:
        mask_HW = rle_decode(sample.rle)
        if facts["has_target"]:
            rings = trace(mask_HW)
            parts, holes = ([ring for ring in rings if ring.hole is hole] for hole in (False, True))
            facts["area"] = float(np.count_nonzero(mask_HW) / mask_HW.size)
            facts["parts"] = max(1, sum(ring.n_pixels >= codec.min_area for ring in parts))
            facts["holes"] = sum(ring.n_pixels >= codec.min_area for ring in holes)
        if isinstance(region, Mask):
            facts["iou"] = mask_iou(codec.rasterise(region, *mask_HW.shape), mask_HW)
            facts["vertices"] = region.n_vertices
    return RowFacts(sample.sample_id, question, answer, sample.height, sample.width, **facts)


def figures(rows: Sequence[RowFacts]) -> dict[str, Any]:
    """The card's figures of some rows, tokens apart; null where no row has them."""

    def known(name: str, among: Sequence[RowFacts] = rows) -> list:
        return [value for row in among if (value := getattr(row, name)) is not None]

    with_target = [row for row in rows if row.has_target]
    return {
        "rows_looked_at": len(rows),
        "without_target": len(rows) - len(with_target),
        "unreadable_answers": sum(not row.readable for row in rows),
        "expression_words": summary(known("words")),
        "area": summary(known("area")),
        "oracle_iou": summary(known("iou", with_target)),
        "vertices": summary(known("vertices", with_target)),
        "histograms": {
            "expression_words": histogram(known("words"), WORDS),
            "area": histogram(known("area"), AREAS),
            "parts": histogram(known("parts"), PARTS),
            "holes": histogram(known("holes"), HOLES),
        },
    }
