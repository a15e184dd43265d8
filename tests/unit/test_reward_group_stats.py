"""Means over the rows that have a value, and the share of groups without any difference to learn from."""

import math

import pytest

from rewards.group_stats import means, zero_variance_share


def test_means_leave_out_what_does_not_apply():
    rows = [
        {"reward/iou": 0.5, "reward/box_iou": None, "strict": 1.0},
        {"reward/iou": None, "reward/box_iou": 0.2, "strict": 0.0},
        {"reward/iou": 1.0, "reward/box_iou": math.nan, "strict": 1.0},
        {"strict": 0.0},
    ]
    assert means(rows) == pytest.approx({"reward/iou": 0.75, "reward/box_iou": 0.2, "strict": 0.5})


def test_a_key_without_any_value_is_left_out():
    assert means([{"reward/iou": None}, {"reward/iou": math.nan}]) == {}
    assert means([]) == {}


def test_zero_variance_share_counts_groups_not_rows():
    totals = [0.1, 0.5, 0.1, 0.9, 0.1, 0.5, 0.3]
    groups = ["a", "b", "a", "c", "a", "b", "c"]
    assert zero_variance_share(totals, groups) == pytest.approx(2 / 3)


def test_float32_noise_is_no_difference():
    assert zero_variance_share([0.3, 0.3 + 1e-8, 0.30001, 0.3], [0, 0, 1, 1]) == 0.5


def test_a_group_of_one_has_no_variance():
    assert zero_variance_share([0.3], ["a"]) == 1.0


@pytest.mark.parametrize(("totals", "groups"), [([], []), ([0.1, 0.2], ["a"])])
def test_batches_that_make_no_sense_are_refused(totals, groups):
    with pytest.raises(ValueError, match="group ids"):
        zero_variance_share(totals, groups)
