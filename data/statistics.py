"""Many numbers in a few: where they lie, and how many fall into each bin, as plain data for JSON."""

from collections.abc import Mapping, Sequence

import numpy as np

Bins = Mapping[str, float]
"""Name of a bin -> the least value in it, ascending; the last has no end, and nothing is below the first."""


def summary(values: Sequence[float]) -> dict[str, float] | None:
    """n, mean, 5th percentile, median, 95th percentile and maximum; None of no values."""
    if not values:
        return None
    p5, median, p95 = np.percentile(values, (5, 50, 95)).tolist()
    figures = {"mean": float(np.mean(values)), "p5": p5, "median": median, "p95": p95, "max": float(max(values))}
    return {"n": len(values), **{name: round(value, 4) for name, value in figures.items()}}


def histogram(values: Sequence[float], bins: Bins) -> dict[str, int]:
    """How many values each bin has, empty bins included."""
    found_N = np.searchsorted(np.fromiter(bins.values(), np.float64), values, side="right") - 1
    return dict(zip(bins, np.bincount(found_N, minlength=len(bins)).tolist(), strict=True))
