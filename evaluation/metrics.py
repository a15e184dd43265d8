"""The numbers of the field with their standard errors: numpy in, `Estimate` out.

gIoU is the mean of per-sample IoU; cIoU is the sum of intersections over the sum of unions, so large objects weigh
more. A mean's standard error is analytic (sd / sqrt(n)); cIoU is a ratio of sums, so its error comes from resampling
the samples with a fixed seed. Samples are treated as independent, although several expressions may share one image.

Arrays `_KS` are K runs (seeds of training) by S samples, the same samples in every run; one run is K = 1. The value is
the mean over runs. Its squared error is the sum of two parts: over samples (of the mean over runs) and, from two runs
on, over runs. Noise that belongs to neither is counted in both, so the sum errs on the large side.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

IOU_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
RESAMPLES = 1000
SEED = 0


@dataclass(frozen=True)
class Estimate:
    """`value` with its standard error over `n` samples; both are NaN where nothing could be measured (n = 0)."""

    value: float
    se: float
    n: int


NOT_MEASURED = Estimate(float("nan"), float("nan"), 0)


def iou_from_areas(intersection_px: float, union_px: float) -> float:
    """IoU of one mask pair; an empty union (both masks empty) is 1.0, as in LISA's evaluation code."""
    return intersection_px / union_px if union_px else 1.0


def at_least(iou: float, threshold: float) -> float:
    """1.0 when `iou >= threshold`, else 0.0: the hit counted by Prec@t and by Acc@0.5."""
    return float(iou >= threshold)


def mean(values_KS: Array) -> Estimate:
    """Mean of per-sample values (K, S); NaN marks a sample the metric does not apply to."""
    measured_KS = values_KS[:, ~np.isnan(values_KS).all(axis=0)]
    n = measured_KS.shape[1]
    if n == 0 or np.isnan(measured_KS).all(axis=1).any():
        return NOT_MEASURED
    return _estimate(np.nanmean(measured_KS, axis=1), _mean_error(np.nanmean(measured_KS, axis=0)), n)


def mean_difference(before_KS: Array, after_KS: Array) -> Estimate:
    """Mean of `after - before`, paired sample by sample, over the samples that both of them measured."""
    return mean(after_KS - before_KS)


def ciou(intersections_KS: Array, unions_KS: Array) -> Estimate:
    """Sum of intersections over sum of unions, both (K, S) in pixels; 1.0 where the unions sum to nothing."""
    return _bootstrap(lambda index: _ratio_K(intersections_KS[:, index], unions_KS[:, index]), unions_KS.shape[1])


def ciou_difference(before: tuple[Array, Array], after: tuple[Array, Array]) -> Estimate:
    """cIoU of `after` minus cIoU of `before`, each (intersections_KS, unions_KS), paired: resampled together."""

    def difference_K(index: NDArray[np.int64]) -> Array:
        return _ratio_K(after[0][:, index], after[1][:, index]) - _ratio_K(before[0][:, index], before[1][:, index])

    return _bootstrap(difference_K, before[1].shape[1])


def _ratio_K(intersections_KS: Array, unions_KS: Array) -> Array:
    sums = zip(intersections_KS.sum(axis=1), unions_KS.sum(axis=1), strict=True)
    return np.array([iou_from_areas(intersection, union) for intersection, union in sums])


def _bootstrap(statistic_K: Callable[[NDArray[np.int64]], Array], n: int) -> Estimate:
    if n == 0:
        return NOT_MEASURED
    rng = np.random.default_rng(SEED)
    resampled = [statistic_K(rng.integers(n, size=n)).mean() for _ in range(RESAMPLES)] if n > 1 else [np.nan, np.nan]
    return _estimate(statistic_K(np.arange(n)), float(np.std(resampled, ddof=1)), n)


def _estimate(per_run_K: Array, se_samples: float, n: int) -> Estimate:
    se_runs = _mean_error(per_run_K) if len(per_run_K) > 1 else 0.0
    return Estimate(float(per_run_K.mean()), float(np.hypot(se_samples, se_runs)), n)


def _mean_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
