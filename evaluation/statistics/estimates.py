"""Metrics of task scores: value, standard error and 95 % interval, of one model or of the difference of two.

Several runs (training seeds) that scored the same samples give the mean over runs. Its interval is then 1.96 standard
errors either way, for these know of the spread over runs and a bootstrap over images does not.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from evaluation.statistics.bootstrap import Interval, difference_intervals, intervals, p_value
from evaluation.statistics.metrics import Array, Estimate, Ratio, area_ratio, mean_ratio, standard_error
from evaluation.statistics.task_scores import AREAS, TaskScores


def estimate(runs: Sequence[TaskScores], metric: str) -> Estimate:
    """A metric of one task, mean over runs."""
    return estimates(runs, [metric])[metric]


def estimates(runs: Sequence[TaskScores], metrics: Sequence[str]) -> dict[str, Estimate]:
    """Several metrics, for less than the price of each alone: they share the resampled images."""
    ratios = [_ratio(runs, metric) for metric in metrics]
    return {
        metric: _estimate(ratio.value_K, ratio.influence_G[ratio.speaks_G], ratio.n, interval)
        for metric, ratio, interval in zip(metrics, ratios, intervals(ratios), strict=True)
    }


def estimate_difference(before: Sequence[TaskScores], after: Sequence[TaskScores], metric: str) -> Estimate:
    """The metric of `after` minus that of `before`, paired run by run and sample by sample."""
    return estimate_differences(before, after, [metric])[metric]


def estimate_differences(
    before: Sequence[TaskScores], after: Sequence[TaskScores], metrics: Sequence[str]
) -> dict[str, Estimate]:
    """The differences of several metrics, over the samples that both sides measured."""
    pairs = [_paired(before, after, metric) for metric in metrics]
    found = difference_intervals([a for a, _ in pairs], [b for _, b in pairs])
    return {
        metric: _estimate(
            b.value_K - a.value_K, (b.influence_G - a.influence_G)[a.speaks_G | b.speaks_G], b.n, interval
        )
        for metric, (a, b), interval in zip(metrics, pairs, found, strict=True)
    }


def p_values(before: Sequence[TaskScores], after: Sequence[TaskScores], metrics: Sequence[str]) -> dict[str, float]:
    """Of each metric, how likely so large a difference is if both sides answer equally well (bootstrap.py)."""
    return {metric: p_value(*_paired(before, after, metric)) for metric in metrics}


def _estimate(per_run_K: Array, influence_G: Array, n: int, interval: Interval) -> Estimate:
    value, se = float(per_run_K.mean()), standard_error(influence_G, per_run_K)
    if len(per_run_K) > 1:
        interval = value - 1.96 * se, value + 1.96 * se
    elif np.isnan(se):
        interval = se, se
    return Estimate(value, se, n, *interval)


def _ratio(runs: Sequence[TaskScores], metric: str) -> Ratio:
    first = runs[0]
    if metric == "cIoU":
        intersections, unions = AREAS
        areas = _column_KS(runs, intersections), _column_KS(runs, unions)
        return area_ratio(areas, first.images, first.units, first.empty_union)
    return mean_ratio(_column_KS(runs, metric), first.images, first.units)


def _paired(before: Sequence[TaskScores], after: Sequence[TaskScores], metric: str) -> tuple[Ratio, Ratio]:
    if metric == "cIoU":
        return _ratio(before, metric), _ratio(after, metric)
    columns = [_column_KS(runs, metric) for runs in (before, after)]
    unknown_KS = np.isnan(columns[0]) | np.isnan(columns[1])
    a, b = (
        mean_ratio(np.where(unknown_KS, np.nan, column_KS), before[0].images, before[0].units) for column_KS in columns
    )
    return a, b


def _column_KS(runs: Iterable[TaskScores], name: str) -> Array:
    return np.stack([run.columns[name] for run in runs])
