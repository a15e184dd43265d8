"""Plain-text tables for the console: the first column to the left, numbers to the right."""

from collections.abc import Sequence

from evaluation.metrics import Estimate

COUNTS = ("tokens", "vertices")
"""Metrics counted in things rather than shares of 1: one decimal is enough for them, three for the rest."""


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of equal length as lines of aligned text, a rule under the header."""
    first, *widths = (max(map(len, column)) for column in zip(header, *rows, strict=True))
    lines = [_line(row[0].ljust(first), row[1:], widths) for row in (header, *rows)]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _line(name: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([name, *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])


def format_estimate(metric: str, estimate: Estimate, *, signed: bool = False) -> str:
    """`0.512 ± 0.018`; `-` where nothing was measured, no error where one sample cannot give one."""
    if estimate.n == 0:
        return "-"
    decimals = 1 if metric in COUNTS else 3
    value = f"{estimate.value:{'+' if signed else ''}.{decimals}f}"
    return value if estimate.se != estimate.se else f"{value} ± {estimate.se:.{decimals}f}"
