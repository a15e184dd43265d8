"""rewards/contract.py: what a well-formed answer is, each rule alone, and that the right answer always is one."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polygon import Codec, Mask, Target, rle_encode
from rewards import Rewards
from rewards.contract import ring_facts

CODEC = Codec()
RECIPE = {"iou": {"weight": 1.0}, "distance": {"weight": 0.2}, "format": {"weight": 0.1}}
REWARDS = Rewards(RECIPE, CODEC)
SIDE = 200


def target(*polygons: list, holes: tuple = ()) -> Target:
    mask_HW = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask_HW, [np.array(polygon) for polygon in polygons], 1)
    cv2.fillPoly(mask_HW, [np.array(hole) for hole in holes], 0)
    return Target("mask", "text2mask", SIDE, SIDE, rle_encode(mask_HW), None)


def square(x: int, y: int, side: int) -> list:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def ring(x: float, y: float, side: float, *, hole: bool = False) -> np.ndarray:
    corners_N2 = np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])
    return corners_N2[::-1] if hole else corners_N2


def text(*rings: np.ndarray) -> str:
    return CODEC.format(Mask(rings))


ONE = target(square(20, 20, 100))
TWO = target(square(20, 20, 60), square(120, 120, 60))
FRAME = target(square(20, 20, 100), holes=(square(50, 50, 40),))
NOTHING = target()
CANCELS = text(ring(0.1, 0.1, 0.3), ring(0.05, 0.05, 0.41, hole=True))


@pytest.mark.parametrize(
    ("answer", "asked", "breaches"),
    [
        (text(ring(0.1, 0.1, 0.5)), ONE, ()),
        ("[]", ONE, ()),
        ("[]", NOTHING, ()),
        (text(ring(0.1, 0.1, 0.3), ring(0.6, 0.6, 0.3)), TWO, ()),
        (text(ring(0.1, 0.1, 0.5), ring(0.25, 0.25, 0.2, hole=True)), FRAME, ()),
        (text(ring(0.1, 0.1, 0.3), ring(0.39, 0.1, 0.3)), TWO, ()),  # touching, by a thirtieth
        (text(ring(0.1, 0.1, 0.3), ring(0.6, 0.6, 0.3)), ONE, ("too_many_rings",)),
        (text(ring(0.1, 0.1, 0.5), ring(0.101, 0.1, 0.5)), TWO, ("overlap",)),
        (text(ring(0.1, 0.1, 0.5), ring(0.2, 0.2, 0.1)), TWO, ("overlap",)),  # a small one in a large one
        (text(ring(0.2, 0.2, 0.1), ring(0.1, 0.1, 0.5)), TWO, ("overlap",)),  # and before it
        (text(ring(0.1, 0.1, 0.5), ring(0.4, 0.25, 0.3, hole=True)), FRAME, ("hole_outside",)),
        (CANCELS, NOTHING, ("paints_nothing", "hole_outside", "too_many_rings")),
        (text(np.repeat(ring(0.1, 0.1, 0.5), 2, 0)), ONE, ("repeated_vertices",)),
        (text(np.tile(ring(0.1, 0.1, 0.5), (9, 1))), ONE, ("too_many_vertices",)),
        (text(*(ring(0.1 + 0.1 * k, 0.1, 0.05) for k in range(6))), ONE, ("too_many_rings",)),
        (text(ring(0.1, 0.1, 0.5)).replace("0.100", "0.1000"), ONE, ("not_canonical",)),
        (text(ring(0.1, 0.1, 0.5)) + "]", ONE, ("not_canonical",)),
        (text(ring(0.1, 0.1, 0.5)) + " so", ONE, ("not_canonical",)),
        (f"<answer>{text(ring(0.1, 0.1, 0.5))}</answer>", ONE, ("not_canonical",)),
    ],
)  # fmt: skip
def test_each_rule(answer, asked, breaches):
    score = REWARDS.score(answer, asked)
    assert set(score.breaches) == set(breaches)
    assert score.terms["format"] == float(not breaches)
    if void := set(breaches) & {"overlap", "paints_nothing"}:
        assert score.void and score.total == 0.0, void
    else:
        assert not score.void and (score.total > 0 or asked is NOTHING)


def test_an_island_in_a_hole_allows_no_copies():
    island = target(square(20, 20, 160), holes=(square(60, 60, 80),))
    mask_HW = island.mask.copy()
    mask_HW[90:110, 90:110] = True
    asked = Target("mask", "text2mask", SIDE, SIDE, rle_encode(mask_HW), None)
    assert REWARDS.score(CODEC.text(mask_HW), asked).breaches == ()
    outer, hole, small = ring(0.1, 0.1, 0.8), ring(0.3, 0.3, 0.4, hole=True), ring(0.45, 0.45, 0.1)
    assert REWARDS.score(text(outer, hole, small), FRAME).breaches == ("too_many_rings",)
    assert REWARDS.score(text(outer, ring(0.101, 0.1, 0.8)), asked).void


@pytest.mark.parametrize(
    ("kind", "answer", "total"), [("point", "[0.200, 0.200]", 1.1), ("point", "[0.200, 0.200] [0.900, 0.900]", 1.0)]
)
def test_a_second_point_costs_the_format(kind, answer, total):
    rewards = Rewards({"point_in_mask": {"weight": 1.0}, "format": {"weight": 0.1}}, CODEC)
    asked = Target(kind, "text2point", SIDE, SIDE, ONE.rle, None)
    assert rewards.score(answer, asked).total == pytest.approx(total)


def test_what_the_right_answer_does_is_allowed():
    """Coarsely simplified, a crescent covers the disc in its mouth."""
    mask_HW = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask_HW, (100, 100), 80, 1, -1)
    cv2.circle(mask_HW, (130, 100), 70, 0, -1)
    cv2.circle(mask_HW, (80, 100), 12, 1, -1)
    codec = Codec(epsilon=0.1)
    asked = Target("mask", "text2mask", SIDE, SIDE, rle_encode(mask_HW), None)
    gold = codec.text(asked.mask)
    facts = ring_facts(codec.parse(gold, "mask").region, SIDE, SIDE)
    assert facts.rings == 2 and facts.overlap > 0.2
    assert Rewards(RECIPE, codec).score(gold, asked).breaches == ()


codecs = st.builds(
    Codec,
    epsilon=st.sampled_from([0.001, 0.01, 0.05]),
    precision=st.integers(1, 4),
    simplify=st.sampled_from(["douglas_peucker", "fit"]),
    integers=st.booleans(),
)
blobs = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 90), st.integers(1, 30), st.booleans()), min_size=0, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(codecs, blobs)
def test_the_right_answer_is_well_formed_whatever_the_mask(codec, discs):
    mask_HW = np.zeros((60, 90), np.uint8)
    for y, x, radius, filled in discs:
        cv2.circle(mask_HW, (x, y), radius, int(filled), -1)
    asked = Target("mask", "text2mask", 60, 90, rle_encode(mask_HW), None)
    gold = codec.text(asked.mask)
    if codec.parse(gold, "mask").region is not None:
        assert Rewards(RECIPE, codec).score(gold, asked).breaches == ()
