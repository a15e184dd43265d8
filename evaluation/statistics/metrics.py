"""Metrics over samples as one kind of thing: a ratio of two sums, with its standard error.

gIoU, Acc@0.5 and every other mean is sum(value) / sum(1); cIoU is sum(intersection) / sum(union). They are summed by
image first, because the expressions of one image are answered alike and are no independent evidence: the error is the
cluster-robust one over images (linearised, as in survey statistics), which for one sample an image is the familiar
deviation / sqrt(n).

Several training seeds are K runs on the same samples: a value is the mean over runs, and the spread over runs is added
to the error. A sample's own share of the spread over runs is in both, so the sum errs on the large side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
"""(S,): the number, from 0, of the image (or of the unit that is averaged first) that each sample belongs to."""


@dataclass(frozen=True)
class Estimate:
    """`value` with its standard error and 95 % interval; `n` things were averaged.

    All numbers are NaN where nothing could be measured (n = 0), the error and the interval also where one image cannot
    give them.
    """

    value: float
    se: float
    n: int
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, eq=False)
class Ratio:
    """A metric of K runs over G images: sum(numerators) / sum(denominators), `empty` where the latter is 0."""

    numerators_KG: Array
    denominators_KG: Array
    n: int
    empty: float

    def values(self, numerators: Array, denominators: Array) -> Array:
        """The ratio of sums, of any shape."""
        some = denominators != 0
        return np.divide(numerators, denominators, out=np.full(denominators.shape, self.empty), where=some)

    @property
    def value_K(self) -> Array:
        return self.values(self.numerators_KG.sum(axis=1), self.denominators_KG.sum(axis=1))

    @property
    def influence_G(self) -> Array:
        """By how much each image moves the mean over runs, to first order."""
        total_K1 = self.denominators_KG.sum(axis=1, keepdims=True)
        residual_KG = self.numerators_KG - self.value_K[:, None] * self.denominators_KG
        return np.divide(residual_KG, total_K1, out=np.zeros_like(residual_KG), where=total_K1 != 0).mean(axis=0)

    @property
    def speaks_G(self) -> NDArray[np.bool_]:
        """Whether an image has anything to say about the metric."""
        return np.any(self.denominators_KG != 0, axis=0)


def mean_ratio(values_KS: Array, images_S: Codes, units_S: Codes) -> Ratio:
    """The mean of values, within a unit first; NaN marks a value that does not apply."""
    measured_KS = ~np.isnan(values_KS)
    weights_KS = _weights(units_S, measured_KS)
    n = len(np.unique(units_S[measured_KS.any(axis=0)]))
    return Ratio(
        _sums(images_S, np.where(measured_KS, values_KS, 0.0) * weights_KS), _sums(images_S, weights_KS), n, np.nan
    )


def area_ratio(areas: tuple[Array, Array], images_S: Codes, units_S: Codes, empty_union: float) -> Ratio:
    """cIoU from (intersections_KS, unions_KS); areas are averaged within a unit first."""
    weights_KS = _weights(units_S, np.ones(areas[0].shape, dtype=bool))
    intersections_KG, unions_KG = (_sums(images_S, area_KS * weights_KS) for area_KS in areas)
    return Ratio(intersections_KG, unions_KG, len(np.unique(units_S)), empty_union)


def standard_error(influence_G: Array, per_run_K: Array) -> float:
    """Of a mean over runs: over images from their influence, and over runs where there are several."""
    n_images, n_runs = len(influence_G), len(per_run_K)
    if n_images < 2:
        return float("nan")
    over_images = np.sqrt(n_images / (n_images - 1) * np.square(influence_G).sum())
    over_runs = per_run_K.std(ddof=1) / np.sqrt(n_runs) if n_runs > 1 else 0.0
    return float(np.hypot(over_images, over_runs))


def codes(keys: Sequence[object]) -> Codes:
    """Equal keys get the same number, counted from 0 in the order they appear."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _weights(units_S: Codes, measured_KS: NDArray[np.bool_]) -> Array:
    """(K, S): one over the number of measured samples of a sample's unit, 0 for one not measured."""
    counts_KS = _sums(units_S, measured_KS)[:, units_S]
    return np.divide(measured_KS, counts_KS, out=np.zeros(measured_KS.shape), where=measured_KS)


def _sums(codes_S: Codes, values_KS: NDArray) -> Array:
    n_codes = int(codes_S.max()) + 1 if len(codes_S) else 0
    return np.stack([np.bincount(codes_S, values_S, minlength=n_codes) for values_S in values_KS]).astype(np.float64)
