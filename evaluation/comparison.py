"""Before against after: the same samples scored twice, so differences are paired and their errors the smaller for it.

Several seeds of a training run are several (before, after) pairs on the same samples; values are means over seeds, and
the standard errors add the spread over seeds to the spread over samples (`evaluation.metrics`). With one seed the error
says how the result would vary over samples, not how it would vary over trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.metrics import Estimate
from evaluation.scores import Scores, TaskScores, estimate, estimate_difference
from evaluation.table import format_estimate, format_table
from polygon import Kind, UserError

HEADLINE: dict[Kind, tuple[str, ...]] = {
    "mask": ("gIoU", "cIoU", "Acc@0.5", "parse failures", "tokens"),
    "box": ("mIoU", "Acc@0.5", "parse failures", "tokens"),
    "point": ("hit rate", "parse failures", "tokens"),
}
"""The metrics a comparison shows, by kind of answer."""

COLUMNS = ("before", "after", "difference")


@dataclass(frozen=True)
class Row:
    """One metric before and after; `difference` is after - before with its paired standard error."""

    metric: str
    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class TaskComparison:
    """The rows of one task over `n_samples` samples."""

    n_samples: int
    rows: tuple[Row, ...]

    def __getitem__(self, metric: str) -> Row:
        return next(row for row in self.rows if row.metric == metric)


@dataclass(frozen=True)
class Comparison:
    """`tasks["text2mask"]["gIoU"].difference.value` is the gain; mean over `n_seeds` pairs."""

    n_seeds: int
    tasks: dict[str, TaskComparison]


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
        rows = tuple(_row(metric, before, after) for metric in HEADLINE[task.kind])
        tasks[name] = TaskComparison(len(task.sample_ids), rows)
    return Comparison(len(pairs), tasks)


def comparison_table(comparisons: Mapping[str, Comparison]) -> str:
    """Console tables, one per way of decoding (`{"greedy": ..., "temperature 1": ...}`) and task."""
    tables = []
    for decoding, comparison in comparisons.items():
        for name, task in comparison.tasks.items():
            header = [caption(decoding, name, task, comparison.n_seeds), *COLUMNS]
            tables.append(format_table(header, [cells(row) for row in task.rows]))
    return "\n\n".join(tables)


def caption(decoding: str, task_name: str, task: TaskComparison, n_seeds: int) -> str:
    seeds = f", mean of {n_seeds} seeds" if n_seeds > 1 else ""
    return f"{decoding}, {task_name}, {task.n_samples} samples{seeds}"


def cells(row: Row) -> list[str]:
    """The metric's name, then its value before, after, and their difference, each with its standard error."""
    return [
        row.metric,
        format_estimate(row.metric, row.before),
        format_estimate(row.metric, row.after),
        format_estimate(row.metric, row.difference, signed=True),
    ]


def _row(metric: str, before: list[TaskScores], after: list[TaskScores]) -> Row:
    return Row(metric, estimate(before, metric), estimate(after, metric), estimate_difference(before, after, metric))


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
