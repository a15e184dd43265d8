"""What one training step's rewards say: the mean of every value, and the share of groups that teach nothing.

verl writes a reward manager's extra values next to each response but logs none of them during training; the trainer
hook calls this once a step. A value is None where a term does not apply (rewards/term.py), and such rows are left out
of its mean, not counted as 0. A group whose totals are all equal gives no advantage; a
share that grows towards 1 is the first sign of collapse, or of data that is too easy or too hard.
"""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

EQUAL = 1e-6
"""Totals closer than this are equal: verl stores them as float32, and its advantage divides by (std + 1e-6)."""


def zero_variance_share(totals_B: ArrayLike, group_ids_B: Sequence[Hashable]) -> float:
    """Share of groups in which all totals are equal, in [0, 1].

    totals_B: the weighted rewards of B responses; group_ids_B: the prompt each belongs to (verl's uid), in any order.
    A group of one counts as equal. Raises ValueError for an empty batch or lengths that differ.
    """
    totals_B = np.asarray(totals_B, dtype=np.float64)
    if not len(totals_B) or len(totals_B) != len(group_ids_B):
        raise ValueError(f"{len(totals_B)} totals for {len(group_ids_B)} group ids")
    low: dict[Hashable, float] = {}
    high: dict[Hashable, float] = {}
    for group, total in zip(group_ids_B, totals_B, strict=True):
        low[group] = min(low.get(group, total), total)
        high[group] = max(high.get(group, total), total)
    return sum(high[group] - low[group] <= EQUAL for group in low) / len(low)


def means(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    """Mean of every key over the rows where it has a value (not None, not NaN); a key with no such row is left out."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for key, value in row.items():
            if value is not None and not np.isnan(value):
                values.setdefault(key, []).append(value)
    return {key: float(np.mean(column)) for key, column in values.items()}
