"""The scores of one predictions file: what every answer scored, by task, and what the numbers mean."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.statistics.estimates import estimate, estimates
from evaluation.statistics.metrics import Estimate
from evaluation.statistics.result import Result
from evaluation.statistics.task_scores import TaskScores
from polygon import Kind

__all__ = ["HEADLINE", "Result", "Scores", "TaskScores", "estimate", "estimates"]

HEADLINE: dict[Kind, tuple[str, ...]] = {
    "mask": ("gIoU", "cIoU", "Acc@0.5", "parse failures", "tokens"),
    "box": ("mIoU", "Acc@0.5", "parse failures", "tokens"),
    "point": ("hit rate", "parse failures", "tokens"),
}
"""The metrics that a comparison or a slice shows, by kind of answer."""


@dataclass(frozen=True, eq=False)
class Scores:
    """`conventions` says, in words, what the numbers mean; two scores compare only where they are the same.

    `settings` are the same as data. `n_missing` answers were not there.
    """

    tasks: dict[str, TaskScores]
    conventions: dict[str, str]
    settings: dict[str, Any]
    n_samples: int
    n_draws: int
    n_missing: int

    def results(self) -> Iterator[Result]:
        """What every single answer scored, task by task."""
        for task in self.tasks.values():
            yield from task.results()

    def to_json(self, slices: Sequence[str] = ()) -> dict:
        """Plain data for `json.dump`, with the headline metrics of these slices; what could not be measured is null."""
        tasks = {}
        for name, task in self.tasks.items():
            content = {"kind": task.kind, **_counts(task), "metrics": _metrics_json(task, task.metrics)}
            if slices:
                content["slices"] = {
                    by: {key: _counts(part) | _metrics_json(part, HEADLINE[task.kind]) for key, part in task.groups(by)}
                    for by in slices
                }
            tasks[name] = content
        return {
            "samples": self.n_samples,
            "draws": self.n_draws,
            "missing": self.n_missing,
            "conventions": self.conventions,
            "settings": self.settings,
            "tasks": tasks,
        }


def _counts(task: TaskScores) -> dict[str, int]:
    return {"samples": len(task.sample_ids), "images": len(set(task.image_ids))}


def _metrics_json(task: TaskScores, metrics: Sequence[str]) -> dict[str, dict]:
    return {name: estimate_json(measured) for name, measured in estimates([task], metrics).items()}


def estimate_json(measured: Estimate) -> dict[str, float | None]:
    """Plain data of an estimate; a number that is not there is None."""
    fields = {"value": measured.value, "standard_error": measured.se, "low": measured.low, "high": measured.high}
    return {key: None if math.isnan(number) else number for key, number in fields.items()} | {"n": measured.n}
