"""The scores of one predictions file: per task, one array per column, from which every metric is computed.

Keeping the samples rather than the averages is what lets `comparison.compare` pair before with after.
"""

import math
from dataclasses import dataclass

import numpy as np

from evaluation.metrics import Array, Estimate, ciou, ciou_difference, mean, mean_difference
from polygon import Kind

AREAS = ("intersection_px", "union_px")


@dataclass(frozen=True, eq=False)
class TaskScores:
    """`columns[name]` is float64 (S,) in the order of `sample_ids`: a sample's mean over its draws, NaN if unknown."""

    kind: Kind
    sample_ids: tuple[str, ...]
    columns: dict[str, Array]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that the columns give, cIoU right after gIoU."""
        names = [name for name in self.columns if name not in AREAS]
        if "gIoU" in names:
            names.insert(names.index("gIoU") + 1, "cIoU")
        return tuple(names)


@dataclass(frozen=True, eq=False)
class Scores:
    """`conventions` says, in words, what the numbers mean; two scores compare only where they are the same."""

    tasks: dict[str, TaskScores]
    conventions: dict[str, str]
    n_samples: int
    n_draws: int
    n_missing: int

    def to_json(self) -> dict:
        """Plain data for `json.dump`; a number that could not be measured is null."""
        return {
            "samples": self.n_samples,
            "draws": self.n_draws,
            "missing": self.n_missing,
            "conventions": self.conventions,
            "tasks": {name: _task_json(task) for name, task in self.tasks.items()},
        }


def estimate(runs: list[TaskScores], metric: str) -> Estimate:
    """A metric of one task, mean over runs that scored the same samples."""
    if metric == "cIoU":
        return ciou(*_areas_KS(runs))
    return mean(_column_KS(runs, metric))


def estimate_difference(before: list[TaskScores], after: list[TaskScores], metric: str) -> Estimate:
    """The metric of `after` minus that of `before`, paired run by run and sample by sample."""
    if metric == "cIoU":
        return ciou_difference(_areas_KS(before), _areas_KS(after))
    return mean_difference(_column_KS(before, metric), _column_KS(after, metric))


def _column_KS(runs: list[TaskScores], name: str) -> Array:
    return np.stack([run.columns[name] for run in runs])


def _areas_KS(runs: list[TaskScores]) -> tuple[Array, Array]:
    intersections, unions = AREAS
    return _column_KS(runs, intersections), _column_KS(runs, unions)


def _task_json(task: TaskScores) -> dict:
    metrics = {}
    for name in task.metrics:
        measured = estimate([task], name)
        fields = {"value": measured.value, "standard_error": measured.se, "n": measured.n}
        metrics[name] = {key: None if math.isnan(number) else number for key, number in fields.items()}
    return {"kind": task.kind, "samples": len(task.sample_ids), "metrics": metrics}
