"""Ratios, their errors, intervals and p-values against algebra and brute force."""

import numpy as np
import pytest

from evaluation.statistics.bootstrap import difference_intervals, intervals, p_value
from evaluation.statistics.metrics import Ratio, area_ratio, codes, mean_ratio, standard_error

RNG = np.random.default_rng(7)


def each(n):
    return np.arange(n)


def mean(values, images=None, units=None):
    values_KS = np.atleast_2d(values)
    n = values_KS.shape[1]
    return mean_ratio(values_KS, each(n) if images is None else images, each(n) if units is None else units)


def ciou(intersections, unions, units=None, empty_union=1.0):
    areas = np.atleast_2d(intersections), np.atleast_2d(unions)
    n = areas[0].shape[1]
    return area_ratio(areas, each(n), each(n) if units is None else units, empty_union)


def error(ratio):
    return standard_error(ratio.influence_G[ratio.speaks_G], ratio.value_K)


def test_mean_and_its_error():
    values = RNG.uniform(size=50)
    measured = mean(np.append(values, np.nan))
    assert measured.value_K == pytest.approx([values.mean()])
    assert measured.n == 50
    assert error(measured) == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert np.isnan(error(mean([0.5])))
    nothing = mean([np.nan] * 3)
    assert nothing.n == 0
    assert np.isnan(nothing.value_K).all()


def test_ciou_weighs_by_area_and_says_what_an_empty_union_is():
    assert ciou([10.0, 0.0], [10.0, 90.0]).value_K == pytest.approx([0.1])
    for empty_union in (0.0, 1.0):
        assert ciou([0.0] * 4, [0.0] * 4, empty_union=empty_union).value_K == [empty_union]


def test_units_are_averaged_first():
    values, objects = [1.0, 0.0, 0.0, 1.0, np.nan], np.array([0, 0, 0, 1, 1])
    assert mean(values, units=objects).value_K == pytest.approx([(1 / 3 + 1.0) / 2])
    assert mean(values, units=objects).n == 2
    areas = ciou([30.0, 0.0, 0.0, 50.0], [30.0, 30.0, 30.0, 50.0], units=objects[:4])
    assert areas.value_K == pytest.approx([(10 + 50) / (30 + 50)])


def test_error_counts_images_and_not_their_expressions():
    by_image = RNG.uniform(size=40)
    same = np.repeat(by_image, 3)
    images = np.repeat(each(40), 3)
    assert error(mean(same, images)) == pytest.approx(by_image.std(ddof=1) / np.sqrt(40))
    assert error(mean(same)) < error(mean(same, images)) / 1.5


def test_ciou_error_and_interval_agree():
    unions = RNG.uniform(50, 150, size=400)
    measured = ciou(unions * RNG.uniform(size=400), unions)
    low, high = intervals([measured])[0]
    assert (high - low) / 2 == pytest.approx(1.96 * error(measured), rel=0.1)
    assert low < measured.value_K[0] < high
    assert intervals([measured]) == [(low, high)]  # fixed seed


def test_intervals_are_a_bootstrap_over_images():
    values, images = RNG.uniform(size=60), np.repeat(each(20), 3)
    measured = mean(values, images)
    rng = np.random.default_rng(1)
    by_image = values.reshape(20, 3)
    draws = [by_image[rng.integers(20, size=20)].mean() for _ in range(4000)]
    assert intervals([measured])[0] == pytest.approx(np.percentile(draws, (2.5, 97.5)), abs=0.012)
    assert np.isnan(intervals([mean([np.nan, np.nan])])[0]).all()


def test_differences_are_paired():
    before = RNG.uniform(size=200)
    after = before + 0.1 + 0.01 * RNG.standard_normal(200)
    a, b = mean(before), mean(after)
    low, high = difference_intervals([a], [b])[0]
    assert low < 0.1 < high
    assert high - low < 0.005
    assert standard_error(b.influence_G - a.influence_G, b.value_K) < error(a) / 10


def test_seeds_add_their_own_spread_to_the_error():
    one_run = RNG.uniform(size=100)
    measured = mean(one_run + np.array([[-0.2], [0.0], [0.2]]))
    assert measured.value_K.mean() == pytest.approx(one_run.mean())
    assert error(measured) == pytest.approx(np.hypot(one_run.std(ddof=1) / 10, 0.2 / np.sqrt(3)))


def test_p_value_of_nine_images_is_exact():
    """2^9 ways to swap; the observed one and its mirror image are the most extreme."""
    before, after = np.arange(9) / 100, np.arange(9) / 100 + RNG.uniform(0.1, 0.2, size=9)
    assert p_value(mean(before), mean(after)) == pytest.approx(2 / 2**9, abs=0.002)
    assert p_value(mean(after), mean(before)) == p_value(mean(before), mean(after))
    assert p_value(mean(before), mean(before)) == 1.0
    assert np.isnan(p_value(mean([np.nan]), mean([np.nan])))


def test_p_values_are_uniform_where_nothing_differs():
    p_values = []
    for _ in range(60):
        areas = RNG.uniform(10, 100, size=(2, 30))
        unions = areas + RNG.uniform(10, 100, size=(2, 30))
        p_values.append(p_value(ciou(areas[0], unions[0]), ciou(areas[1], unions[1])))
    assert np.mean(np.array(p_values) < 0.5) == pytest.approx(0.5, abs=0.2)
    assert np.mean(np.array(p_values) < 0.05) < 0.15


def test_swapping_images_swaps_what_they_say():
    """By the formula, all 2^6 swaps of both sums."""
    areas, unions = RNG.uniform(10, 50, size=(2, 6)), RNG.uniform(50, 100, size=(2, 6))
    observed = areas[1].sum() / unions[1].sum() - areas[0].sum() / unions[0].sum()
    as_large = 0
    for number in range(64):
        swap = (number >> each(6)) & 1
        i, u = (np.where(swap, pair[::-1], pair) for pair in (areas, unions))
        as_large += abs(i[1].sum() / u[1].sum() - i[0].sum() / u[0].sum()) >= abs(observed) - 1e-12
    assert p_value(ciou(areas[0], unions[0]), ciou(areas[1], unions[1])) == pytest.approx(as_large / 64, abs=0.02)


def test_codes_count_from_zero_in_order():
    assert codes(["b", "a", "b", ("a", 1)]).tolist() == [0, 1, 0, 2]
    assert Ratio(np.ones((1, 2)), np.ones((1, 2)), 2, 0.0).value_K == [1.0]
