"""Before against after: the same samples scored twice, so differences are paired and their errors the smaller for it.

Several seeds of a training run are several (before, after) pairs on the same samples; values are means over seeds, and
the standard errors add the spread over seeds to the spread over images (metrics.py). With one seed the error says how
the result would vary over images, not how it would vary over trainings; so does the p-value, which is therefore given
for one seed only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.statistics.estimates import estimate_differences, estimates, p_values
from evaluation.statistics.metrics import Estimate
from evaluation.statistics.scores import HEADLINE, Scores, TaskScores, estimate_json
from polygon import Kind, UserError

OUTLINES: dict[Kind, tuple[str, ...]] = {"mask": ("Boundary IoU", "Hausdorff 95", "PoLiS"), "box": (), "point": ()}
"""What is compared besides the headline metrics where outlines were scored."""


@dataclass(frozen=True)
class Row:
    """One metric before and after; `difference` is after - before, paired, and `p` its p-value (NaN: none)."""

    metric: str
    before: Estimate
    after: Estimate
    difference: Estimate
    p: float


@dataclass(frozen=True)
class TaskComparison:
    """The rows of one task over `n_samples` samples."""

    n_samples: int
    rows: tuple[Row, ...]

    def __getitem__(self, metric: str) -> Row:
        return next(row for row in self.rows if row.metric == metric)


@dataclass(frozen=True)
class Comparison:
    """`tasks["text2mask"]["gIoU"].difference.value` is the gain; mean over `n_seeds` pairs, by these conventions."""

    n_seeds: int
    tasks: dict[str, TaskComparison]
    conventions: dict[str, str]

    def to_json(self) -> dict:
        """Plain data for `json.dump`; a number that could not be measured is null."""
        return {name: {row.metric: _row_json(row) for row in task.rows} for name, task in self.tasks.items()}


def compare(before: Scores, after: Scores) -> Comparison:
    """Compare two scorings of the same samples. Raises UserError where samples or conventions differ."""
    return compare_seeds([(before, after)])


def compare_seeds(pairs: Sequence[tuple[Scores, Scores]]) -> Comparison:
    """Compare (before, after) pairs, one per seed, all on the same samples and by the same conventions."""
    first = pairs[0][0]
    for scores in (scores for pair in pairs for scores in pair):
        _check_same(first, scores)
    tasks = {}
    for name, task in first.tasks.items():
        before, after = ([scores.tasks[name] for scores in side] for side in zip(*pairs, strict=True))
        metrics = [*HEADLINE[task.kind], *(metric for metric in OUTLINES[task.kind] if metric in task.values)]
        tasks[name] = TaskComparison(len(task.sample_ids), _rows(before, after, metrics))
    return Comparison(len(pairs), tasks, first.conventions)


def _rows(before: list[TaskScores], after: list[TaskScores], metrics: Sequence[str]) -> tuple[Row, ...]:
    values = [estimates(side, metrics) for side in (before, after)]
    differences = estimate_differences(before, after, metrics)
    chances = p_values(before, after, metrics) if len(before) == 1 else dict.fromkeys(metrics, math.nan)
    return tuple(
        Row(metric, values[0][metric], values[1][metric], differences[metric], chances[metric]) for metric in metrics
    )


def _row_json(row: Row) -> dict:
    sides = {name: estimate_json(getattr(row, name)) for name in ("before", "after", "difference")}
    return sides | {"p": None if math.isnan(row.p) else row.p}


def _check_same(a: Scores, b: Scores) -> None:
    for name in a.conventions.keys() | b.conventions.keys():
        if a.conventions.get(name) != b.conventions.get(name):
            both = f"{a.conventions.get(name)!r} and {b.conventions.get(name)!r}"
            raise UserError(f"cannot compare scores: {name!r} is {both}; evaluate both with the same configuration")
    ids = [{name: task.sample_ids for name, task in scores.tasks.items()} for scores in (a, b)]
    if ids[0] != ids[1]:
        raise UserError(
            f"cannot compare scores of different samples ({a.n_samples} and {b.n_samples}); "
            "evaluate both on the same split, with the same limit"
        )
