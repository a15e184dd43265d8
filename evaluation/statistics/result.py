"""What one prediction scored: the row that reports, slices and histograms are made of.

`Scores.results()` gives one a (sample, draw), in the order of the samples. They are built while being iterated over, so
a hundred thousand of them cost no memory unless they are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from polygon import Kind

JUDGED_BY: dict[Kind, str] = {"mask": "gIoU", "box": "mIoU", "point": "hit rate"}
"""By kind of answer: the column that a single answer is judged by."""


@dataclass(frozen=True, slots=True)
class Result:
    """One answer to one sample.

    score: IoU of a mask or of a box; of a point 1.0 for a hit, else 0.0.
    failure: why nothing could be read (one of polygon.FAILURES, or "missing"); None for a readable answer.
    slices: the group the sample belongs to, by the name of the slice: `{"area": "small", "holes": "without", ...}`.
    values: every number measured, by column (evaluation/measures/), NaN where one does not apply; among them
        `truth_px`, `predicted_px`, `vertices`, `tokens` and `expression words`.
    """

    sample_id: str
    draw: int
    task: str
    kind: Kind
    image_id: str
    ann_id: str
    score: float
    failure: str | None
    slices: Mapping[str, str]
    values: Mapping[str, float]
