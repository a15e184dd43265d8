"""Polygons -> mask, where a model wrote them: crossing, reversed, degenerate and overlapping rings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from polygon import Codec, Mask

SIZE = 10
CODEC = Codec()
REFERENCE = Codec(decode="reference")


def square(low, high, clockwise=True):
    """A ring through the centres of the pixels `low` and `high` in both directions."""
    a, b = (low + 0.5) / SIZE, (high + 0.5) / SIZE
    ring = np.array([[a, a], [b, a], [b, b], [a, b]])
    return ring if clockwise else ring[::-1]


def pixels(low, high):
    mask_HW = np.zeros((SIZE, SIZE), np.bool_)
    mask_HW[low : high + 1, low : high + 1] = True
    return mask_HW


def paint(*rings, codec=CODEC):
    return codec.rasterise(Mask(rings), SIZE, SIZE)


def test_outer_ring_includes_its_edge():
    assert np.array_equal(paint(square(2, 7)), pixels(2, 7))


def test_hole_excludes_its_edge():
    assert np.array_equal(paint(square(1, 8), square(2, 7, clockwise=False)), pixels(1, 8) & ~pixels(3, 6))


def test_part_in_a_hole_survives():
    expected_HW = (pixels(0, 9) & ~pixels(2, 7)) | pixels(4, 5)
    assert np.array_equal(paint(square(0, 9), square(1, 8, clockwise=False), square(4, 5)), expected_HW)


def test_ring_in_the_wrong_order_with_nothing_to_cut_is_filled():
    assert np.array_equal(paint(square(2, 7, clockwise=False)), pixels(2, 7))
    assert np.array_equal(paint(square(0, 1), square(5, 8, clockwise=False)), pixels(0, 1) | pixels(5, 8))


def test_copies_paint_what_one_paints():
    assert np.array_equal(paint(*[square(2, 7)] * 50), pixels(2, 7))


def test_ring_that_crosses_itself_is_filled_even_odd():
    bow_tie = np.array([[0.05, 0.05], [0.95, 0.95], [0.95, 0.05], [0.05, 0.95]])
    mask_HW = paint(bow_tie)
    assert mask_HW[5, 0]
    assert mask_HW[5, 9]
    assert not mask_HW[0, 5]
    assert not mask_HW[9, 5]
    twice_around = np.concatenate([square(0, 9), square(2, 7)])
    assert not paint(twice_around)[5, 5]


def test_ring_without_area_paints_its_line():
    line = np.array([[0.15, 0.35], [0.85, 0.35], [0.85, 0.35]])
    assert np.array_equal(np.argwhere(paint(line)), [[3, x] for x in range(1, 9)])
    point = np.full((3, 2), 0.55)
    assert np.array_equal(np.argwhere(paint(point)), [[5, 5]])


def test_whole_image_and_its_corners():
    whole = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    assert paint(whole).all()
    assert paint(whole, codec=REFERENCE).all()
    assert CODEC.rasterise(Mask((whole,)), 1, 1).all()


def test_numbers_on_a_pixel_edge_belong_to_the_pixel_after_it():
    for x in range(100):
        point = np.full((3, 2), x / 100)
        assert np.array_equal(np.argwhere(CODEC.rasterise(Mask((point,)), 100, 100)), [[x, x]])


def test_reference_decode_is_the_union_of_pycocotools_polygons_with_holes_filled():
    rings = (square(1, 8), square(3, 6, clockwise=False), np.array([[0.0, 0.0], [0.3, 0.0], [0.0, 0.33]]))
    expected_HW = np.zeros((SIZE, SIZE), np.bool_)
    for ring in rings:
        expected_HW |= coco.decode(coco.frPyObjects([(ring * SIZE).ravel().tolist()], SIZE, SIZE))[..., 0] > 0
    assert np.array_equal(paint(*rings, codec=REFERENCE), expected_HW)


def test_huge_answers_are_painted_in_bounded_time(within):
    """Counter-clockwise rings over a whole large image cost most: the first alone is seen to lie on nothing."""
    whole = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float)
    within(4, lambda: CODEC.rasterise(Mask((whole,) * 2000), 4000, 4000))


def test_rings_past_the_limit_are_left_out(monkeypatch):
    monkeypatch.setattr("polygon.raster.MAX_PAINTED", 30)
    first, second, third = square(0, 4), square(5, 7), square(8, 9)
    assert np.array_equal(paint(first, second, third), pixels(0, 4) | pixels(5, 7))
    assert np.array_equal(paint(square(0, 9), first), pixels(0, 9)), "one ring is always painted"


@given(
    st.lists(st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=3, max_size=9).map(np.array), max_size=5),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([CODEC, REFERENCE]),
)
def test_any_rings_on_any_size(rings, height, width, codec):
    mask_HW = codec.rasterise(Mask(tuple(rings)), height, width)
    assert (mask_HW.shape, mask_HW.dtype, mask_HW.flags.c_contiguous) == ((height, width), np.bool_, True)
    assert mask_HW.any() or codec is REFERENCE or len(rings) != 1


@pytest.mark.parametrize("codec", [CODEC, REFERENCE])
def test_no_rings_is_an_empty_mask(codec):
    assert not codec.rasterise(Mask(), 3, 4).any()
