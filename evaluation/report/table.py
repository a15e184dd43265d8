"""Plain-text tables for the console: the first column to the left, numbers to the right."""

import math
from collections.abc import Mapping, Sequence

from evaluation.statistics.metrics import Estimate

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Header and rows of text; the header's first cell is the caption."""

COUNTS = ("tokens", "vertices", "Hausdorff 95", "PoLiS")
"""Metrics counted in things rather than shares of 1: one decimal is enough for them, three for the rest."""


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length as lines of aligned text, a rule under the header."""
    first, *widths = (max(map(len, column)) for column in zip(header, *rows, strict=True))
    lines = [_line(row[0].ljust(first), row[1:], widths) for row in (header, *rows)]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _line(name: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([name, *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])


def format_definitions(entries: Mapping[str, str]) -> str:
    """`name  what it is`, a line each, aligned: what stands above a table."""
    width = max(map(len, entries))
    return "\n".join(f"{key:{width}}  {value}" for key, value in entries.items())


def format_estimate(metric: str, estimate: Estimate, *, signed: bool = False) -> str:
    """`0.512 ± 0.018`; `-` where nothing was measured, no error where one sample cannot give one."""
    if estimate.n == 0:
        return "-"
    decimals = _decimals(metric)
    value = _number(estimate.value, metric, signed)
    return value if math.isnan(estimate.se) else f"{value} ± {estimate.se:.{decimals}f}"


def format_interval(metric: str, estimate: Estimate, *, signed: bool = False) -> str:
    """`[0.477, 0.548]`; `-` where there is none."""
    if math.isnan(estimate.low):
        return "-"
    return f"[{_number(estimate.low, metric, signed)}, {_number(estimate.high, metric, signed)}]"


def _number(value: float, metric: str, signed: bool) -> str:
    return f"{value:{'+' if signed else ''}.{_decimals(metric)}f}"


def _decimals(metric: str) -> int:
    return 1 if metric in COUNTS else 3
