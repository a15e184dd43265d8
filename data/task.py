"""The five tasks of the cold start, and the weighted mix that draws one per row.

Why: the paper's SFT stage mixes text -> point / box / mask with point -> mask and box -> mask, so that the model ties
words, places and outlines together.  The mix is configuration (`conf/task/*.yaml`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from polygon import Kind, UserError

PromptKind = Literal["text", "point", "box"]


@dataclass(frozen=True)
class Task:
    """What is asked with (`prompt_kind`) and what must be answered (`answer_kind`)."""

    name: str
    prompt_kind: PromptKind
    answer_kind: Kind


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("text2mask", "text", "mask"),
        Task("text2box", "text", "box"),
        Task("text2point", "text", "point"),
        Task("point2mask", "point", "mask"),
        Task("box2mask", "box", "mask"),
    )
}


@dataclass(frozen=True)
class TaskMix:
    """Weights over tasks; they need not sum to one, and a weight of 0 leaves its task out."""

    weights: tuple[tuple[str, float], ...]

    @classmethod
    def from_config(cls, weights: Mapping[str, float]) -> "TaskMix":
        """Raises UserError for an unknown task, a weight that is not a number >= 0, or weights that sum to 0."""
        for name, weight in weights.items():
            if name not in TASKS:
                raise UserError(f"task.weights: unknown task {name!r}; known: {', '.join(TASKS)}")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise UserError(f"task.weights.{name}: {weight!r} is not a number >= 0")
        if sum(weights.values()) <= 0:
            raise UserError("task.weights: the weights sum to 0; give at least one task a positive weight")
        # Sorted by the order of TASKS: two spellings of the same mix draw the same tasks.
        return cls(tuple((name, float(weights[name])) for name in TASKS if weights.get(name, 0) > 0))

    def draw(self, uniform: float) -> Task:
        """The task at `uniform` in [0, 1) of the cumulated weights."""
        remaining = uniform * sum(weight for _, weight in self.weights)
        for name, weight in self.weights:
            if remaining < weight:
                return TASKS[name]
            remaining -= weight
        return TASKS[self.weights[-1][0]]
