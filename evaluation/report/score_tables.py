"""Scores as tables of text: a line per metric with its error and interval, and a line per group of a slice."""

from collections.abc import Iterator, Sequence

from evaluation.report.table import Table, format_definitions, format_estimate, format_interval, format_table
from evaluation.statistics.scores import HEADLINE, Scores, TaskScores, estimates


def metric_tables(scores: Scores) -> list[Table]:
    """For every task, all its metrics."""
    return [
        (
            [f"{name}, {_counts(task)}, {_rules(scores)}", "value ± standard error", "95 % interval"],
            list(_metrics(task)),
        )
        for name, task in scores.tasks.items()
    ]


def slice_tables(scores: Scores, slices: Sequence[str]) -> list[Table]:
    """For every task, its headline metrics in each group, for every slice that splits its samples."""
    return [
        ([f"{name} by {by}, {_rules(scores)}", "samples", *HEADLINE[task.kind]], list(_groups(task, by)))
        for name, task in scores.tasks.items()
        for by in slices
        if len(set(task.slices[by])) > 1
    ]


def scores_text(scores: Scores, source: dict[str, str], slices: Sequence[str] = ()) -> str:
    """The console report: what was scored, by which conventions, and the tables."""
    header = format_definitions({**source, "scored": scored(scores), **scores.conventions})
    tables = metric_tables(scores) + slice_tables(scores, slices)
    return "\n\n".join([header, *(format_table(*table) for table in tables)])


def scored(scores: Scores) -> str:
    """`1500 samples, 1 draw each, missing answers: 3`."""
    counts = f"{scores.n_samples} samples, {scores.n_draws} draw{'s' if scores.n_draws > 1 else ''} each"
    return f"{counts}, missing answers: {scores.n_missing}" if scores.n_missing else counts


def _rules(scores: Scores) -> str:
    return scores.conventions["conventions"]


def _counts(task: TaskScores) -> str:
    return f"{len(task.sample_ids)} samples, {len(set(task.image_ids))} images"


def _metrics(task: TaskScores) -> Iterator[list[str]]:
    for metric, estimate in estimates([task], task.metrics).items():
        if estimate.n:
            yield [metric, format_estimate(metric, estimate), format_interval(metric, estimate)]


def _groups(task: TaskScores, by: str) -> Iterator[list[str]]:
    for key, part in task.groups(by):
        found = estimates([part], HEADLINE[task.kind])
        cells = [format_estimate(metric, estimate) for metric, estimate in found.items()]
        yield [key, str(len(part.sample_ids)), *cells]
