"""95 % intervals by resampling images, and p-values by swapping two models' answers image by image.

Images and not samples are drawn, for the expressions of one image are answered alike. Every metric of a call sees the
same draws, so differences are paired. Seeds are fixed: the same file gives the same interval.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from evaluation.statistics.metrics import Array, Ratio

RESAMPLES = 1000
PERMUTATIONS = 10_000
SEED = 0
_AT_ONCE = 50  # draws in memory at a time, each a row of one number an image

Interval = tuple[float, float]


def intervals(ratios: Sequence[Ratio]) -> list[Interval]:
    """2.5th and 97.5th percentile of each metric over resampled images; NaN where nothing was measured."""
    return [_interval(draws_B) for draws_B in _resampled(ratios).T]


def difference_intervals(before: Sequence[Ratio], after: Sequence[Ratio]) -> list[Interval]:
    """The same of each metric of `after` minus that of `before`, over the same images."""
    draws_BM = _resampled([*before, *after])
    return [_interval(draws_B) for draws_B in (draws_BM[:, len(before) :] - draws_BM[:, : len(before)]).T]


def p_value(before: Ratio, after: Ratio) -> float:
    """Two-sided, that the two differ by as much or more if each image's answers could as well be the other model's.

    A permutation test: the smallest it can be is 1 / (PERMUTATIONS + 1), its own Monte Carlo error is below 0.005.
    NaN where there is nothing to compare.
    """
    pairs = [(before.numerators_KG, after.numerators_KG), (before.denominators_KG, after.denominators_KG)]
    middles_K = [(a_KG + b_KG).sum(axis=1) / 2 for a_KG, b_KG in pairs]
    halves_GK = [(b_KG - a_KG).T / 2 for a_KG, b_KG in pairs]
    observed = float(np.mean(after.value_K - before.value_K))
    if np.isnan(observed):
        return float("nan")
    rng = np.random.default_rng(SEED)
    as_large = 0
    for start in range(0, PERMUTATIONS, _AT_ONCE):
        n_draws = min(_AT_ONCE, PERMUTATIONS - start)
        signs_BG = 1.0 - 2.0 * rng.integers(2, size=(n_draws, len(halves_GK[0])))
        moved_BK = [signs_BG @ half_GK for half_GK in halves_GK]
        ends = [after.values(*(m + sign * d for m, d in zip(middles_K, moved_BK, strict=True))) for sign in (1, -1)]
        swapped_B = (ends[0] - ends[1]).mean(axis=1)
        as_large += int(np.count_nonzero(np.abs(swapped_B) >= abs(observed) * (1 - 1e-9)))  # ties count as large
    return (as_large + 1) / (PERMUTATIONS + 1)


def _resampled(ratios: Sequence[Ratio]) -> Array:
    """(RESAMPLES, metrics): the mean over runs of each metric in each draw."""
    sums = [np.stack([ratio.numerators_KG, ratio.denominators_KG]) for ratio in ratios]
    return np.concatenate([_of_draws(counts_BG, ratios, sums) for counts_BG in _draws(sums[0].shape[2])])


def _of_draws(counts_BG: Array, ratios: Sequence[Ratio], sums: list[Array]) -> Array:
    values = []
    for ratio, sums_2KG in zip(ratios, sums, strict=True):
        numerators_KB, denominators_KB = sums_2KG @ counts_BG.T
        values.append(ratio.values(numerators_KB, denominators_KB).mean(axis=0))
    return np.stack(values, axis=1)


def _draws(n_images: int) -> Iterator[Array]:
    """How often each image was drawn, (draws, images) at a time."""
    rng = np.random.default_rng(SEED)
    for start in range(0, RESAMPLES, _AT_ONCE):
        drawn = rng.integers(n_images, size=(min(_AT_ONCE, RESAMPLES - start), n_images))
        yield np.stack([np.bincount(row, minlength=n_images) for row in drawn]).astype(np.float64)


def _interval(draws_B: Array) -> Interval:
    draws_B = draws_B[~np.isnan(draws_B)]
    low, high = np.percentile(draws_B, (2.5, 97.5)) if len(draws_B) else (np.nan, np.nan)
    return float(low), float(high)
