"""The scores of one task: an array per column, a number for each draw of each sample. Metrics are computed from it.

Keeping the samples rather than the averages is what lets two models be compared sample by sample, slices be cut, and
images be resampled. Only numbers are kept, under a kilobyte a sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.measures.answers import FAILURE_COLUMNS
from evaluation.statistics.metrics import Array, Codes, codes
from evaluation.statistics.result import JUDGED_BY, Result
from evaluation.statistics.slices import SLICES
from polygon import Kind

AREAS = ("intersection_px", "union_px")
DESCRIPTIONS = (*AREAS, "truth_px", "predicted_px", "expression words")
"""Columns that describe a sample and are no metric."""


@dataclass(frozen=True, eq=False)
class TaskScores:
    """`values[name]` is float64 (S, D): a number for each draw of each sample of `sample_ids`, NaN if unknown.

    `units` says what is averaged first (conventions.mean_over); `slices[name]` has the group of each sample.
    """

    task: str
    kind: Kind
    empty_union: float
    sample_ids: tuple[str, ...]
    image_ids: tuple[str, ...]
    ann_ids: tuple[str, ...]
    draws: tuple[int, ...]
    units: Codes
    slices: dict[str, tuple[str, ...]]
    values: dict[str, Array]

    @cached_property
    def columns(self) -> dict[str, Array]:
        """A sample's mean over its draws, (S,)."""
        return {name: _mean_over_draws(values_SD) for name, values_SD in self.values.items()}

    @cached_property
    def images(self) -> Codes:
        return codes(self.image_ids)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that the columns give, cIoU right after gIoU, without failures that never happened."""
        absent = {name for name in FAILURE_COLUMNS.values() if not self.values[name].any()}
        names = [name for name in self.values if name not in absent.union(DESCRIPTIONS)]
        if "gIoU" in names:
            names.insert(names.index("gIoU") + 1, "cIoU")
        return tuple(names)

    def part(self, chosen_S: NDArray[np.bool_]) -> "TaskScores":
        """The same of some samples only."""
        kept = np.flatnonzero(chosen_S).tolist()
        return replace(
            self,
            **{name: tuple(getattr(self, name)[s] for s in kept) for name in ("sample_ids", "image_ids", "ann_ids")},
            units=codes(self.units[chosen_S].tolist()),
            slices={name: tuple(keys[s] for s in kept) for name, keys in self.slices.items()},
            values={name: values_SD[chosen_S] for name, values_SD in self.values.items()},
        )

    def groups(self, slice_name: str) -> Iterator[tuple[str, "TaskScores"]]:
        """The groups of a slice that have samples, in the order of `SLICES`; those not listed there by name."""
        keys = self.slices[slice_name]
        listed = [key for key in SLICES[slice_name] if key in keys]
        for key in listed + sorted(set(keys) - set(listed)):
            yield key, self.part(np.array([other == key for other in keys]))

    def results(self) -> Iterator[Result]:
        """One a draw of a sample."""
        for s, sample_id in enumerate(self.sample_ids):
            groups = {name: keys[s] for name, keys in self.slices.items()}
            for d, draw in enumerate(self.draws):
                values = {name: float(values_SD[s, d]) for name, values_SD in self.values.items()}
                failures = (cause for cause, column in FAILURE_COLUMNS.items() if values[column])
                yield Result(
                    sample_id,
                    draw,
                    self.task,
                    self.kind,
                    self.image_ids[s],
                    self.ann_ids[s],
                    values[JUDGED_BY[self.kind]],
                    next(failures, None),
                    groups,
                    values,
                )


def _mean_over_draws(values_SD: Array) -> Array:
    measured_SD = ~np.isnan(values_SD)
    counts_S = measured_SD.sum(axis=1)
    sums_S = np.where(measured_SD, values_SD, 0.0).sum(axis=1)
    return np.divide(sums_S, counts_S, out=np.full(len(counts_S), np.nan), where=counts_S > 0)
