"""Comparisons as tables of text: a line per metric, before, after and the paired difference."""

import math
from collections.abc import Mapping

from evaluation.report.table import Table, format_definitions, format_estimate, format_interval, format_table
from evaluation.statistics.comparison import Comparison, Row

SIDES = ("before", "after")
COLUMNS = ("difference", "95 % interval", "p")


def comparison_tables(comparisons: Mapping[str, Comparison], sides: tuple[str, str] = SIDES) -> list[Table]:
    """Header and rows of text, one table per way of decoding (`{"greedy": ..., "temperature 1": ...}`) and task.

    `sides` are what the two compared are called.
    """
    return [
        ([_caption(decoding, name, comparison), *sides, *COLUMNS], [_cells(row) for row in task.rows])
        for decoding, comparison in comparisons.items()
        for name, task in comparison.tasks.items()
    ]


def comparison_table(comparisons: Mapping[str, Comparison]) -> str:
    """The same for the console, under the conventions that all of them follow."""
    conventions: dict[str, str] = {}
    for comparison in comparisons.values():
        conventions |= comparison.conventions
    tables = (format_table(header, rows) for header, rows in comparison_tables(comparisons))
    return "\n\n".join([format_definitions(conventions), *tables])


def _caption(decoding: str, task_name: str, comparison: Comparison) -> str:
    seeds = f", mean of {comparison.n_seeds} seeds" if comparison.n_seeds > 1 else ""
    n_samples = comparison.tasks[task_name].n_samples
    return f"{decoding}, {task_name}, {n_samples} samples{seeds}, {comparison.conventions['conventions']}"


def _cells(row: Row) -> list[str]:
    return [
        row.metric,
        format_estimate(row.metric, row.before),
        format_estimate(row.metric, row.after),
        format_estimate(row.metric, row.difference, signed=True),
        format_interval(row.metric, row.difference, signed=True),
        "-" if math.isnan(row.p) else f"{row.p:.4f}",
    ]
