"""Answers that try to be paid for something other than the outline: each has a defined score, in bounded time."""

import cv2
import numpy as np
import pytest

from polygon import Codec, Target, rle_encode
from rewards import Rewards

CODEC = Codec()
REWARDS = Rewards({"iou": {"weight": 1.0}, "distance": {"weight": 0.2}, "format": {"weight": 0.1}}, CODEC)
HEIGHT, WIDTH = 480, 640


def disc_target():
    mask_HW = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    cv2.circle(mask_HW, (200, 300), 90, 1, -1)
    return Target("mask", "text2mask", HEIGHT, WIDTH, rle_encode(mask_HW), None)


TARGET = disc_target()
NO_TARGET = Target("mask", "text2mask", HEIGHT, WIDTH, rle_encode(np.zeros((HEIGHT, WIDTH), dtype=bool)), None)
GOLD = CODEC.text(TARGET.mask)
GOLD_SCORE = REWARDS.score(GOLD, TARGET)
WHOLE_IMAGE = "[[[0.000, 0.000], [1.000, 0.000], [1.000, 1.000], [0.000, 1.000]]]"


def copies(count):
    return "[" + ", ".join([GOLD[1:-1]] * count) + "]"


@pytest.mark.parametrize("target", [TARGET, NO_TARGET])
@pytest.mark.parametrize(
    "text", ["", " \n", "no", "[" * 1_000_000, "]" * 1_000_000, "[[[" * 333_333, "[0.5, 0.5]", "\U0001d7ce"]
)
def test_nothing_readable_scores_nothing_even_where_there_is_no_target(text, target, within):
    score = within(1, lambda: REWARDS.score(text, target))
    assert score.failure is not None
    assert score.total == 0.0
    assert score.terms == {"iou": 0.0, "distance": 0.0, "format": 0.0}
    assert score.vertices is None


def test_empty_list_on_a_target_earns_the_format_only():
    assert REWARDS.score("[]", TARGET).terms == {"iou": 0.0, "distance": 0.0, "format": 1.0}
    assert REWARDS.score("[]", NO_TARGET).terms == {"iou": 1.0, "distance": 1.0, "format": 1.0}


def test_whole_image_earns_its_overlap_and_far_less_than_gold():
    score = REWARDS.score(WHOLE_IMAGE, TARGET)
    assert score.terms["iou"] == pytest.approx(TARGET.mask.mean(), abs=0.01)
    assert score.total < 0.4 * GOLD_SCORE.total
    assert REWARDS.score(WHOLE_IMAGE, NO_TARGET).terms["iou"] == 0.0


@pytest.mark.parametrize(("count", "failure"), [(2, None), (20, None), (1000, "too_large")])
def test_copies_earn_nothing(count, failure, within):
    score = within(2, lambda: REWARDS.score(copies(count), TARGET))
    assert (score.failure, score.void, score.total) == (failure, True, 0.0)


def test_self_crossing_ring_is_scored_by_the_pixels_it_fills():
    bow_tie = "[[[0.200, 0.500], [0.420, 0.730], [0.420, 0.500], [0.200, 0.730]]]"
    score = REWARDS.score(bow_tie, TARGET)
    assert score.strict
    assert 0.0 < score.terms["iou"] < 0.6
    assert score.total < GOLD_SCORE.total


@pytest.mark.parametrize("text", [f"Sure! The disc is {GOLD}.", f"```json\n{GOLD}\n```"])
def test_prose_keeps_the_overlap_and_loses_the_format(text):
    terms = REWARDS.score(text, TARGET).terms
    assert terms == {**GOLD_SCORE.terms, "format": 0.0}


def test_two_answers_are_joined_and_cover_each_other():
    assert REWARDS.score(f"{GOLD} {WHOLE_IMAGE}", TARGET).breaches == ("not_canonical", "overlap", "too_many_rings")
    apart = REWARDS.score(f"{GOLD} [[[0.900, 0.900], [0.990, 0.900], [0.990, 0.990]]]", TARGET)
    assert apart.n_answers == 2 and apart.terms["format"] == 0.0
    assert 0 < apart.terms["iou"] < GOLD_SCORE.terms["iou"]


def test_a_cut_off_answer_is_marked_and_loses_the_format():
    score = REWARDS.score(GOLD[: len(GOLD) * 2 // 3], TARGET)
    assert score.truncated
    assert score.terms["format"] == 0.0
    assert 0.0 < score.terms["iou"] < GOLD_SCORE.terms["iou"]
