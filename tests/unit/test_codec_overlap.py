"""The score of a polygon from its edges is what painting it gives, and neither depends on where it is cut up."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polygon.contour import following, order, signed_area
from polygon.overlap import Overlap

SIZE = 48
coordinates = st.integers(2, SIZE - 3)
points = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=14).map(np.array)
masks = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((SIZE, SIZE)) < 0.5)


def score(mask_HW, ring_N2, window=(0, 0, SIZE, SIZE)):
    """Of each edge."""
    ends_22E = np.stack((ring_N2.T, following(ring_N2).T)).astype(np.int64)
    return Overlap(mask_HW.view(np.uint8), window).of_edges(ends_22E)


def painted(mask_HW, ring_N2, hole=False):
    canvas_HW = np.zeros(mask_HW.shape, np.uint8)
    cv2.fillPoly(canvas_HW, [ring_N2.astype(np.int32)], 1)
    if hole:
        cv2.polylines(canvas_HW, [ring_N2.astype(np.int32)], True, 0)
    inside_HW = canvas_HW.view(np.bool_)
    return np.count_nonzero(inside_HW & mask_HW) - np.count_nonzero(inside_HW & ~mask_HW)


def hull(points_N2, hole=False):
    ring_N2 = cv2.convexHull(points_N2.astype(np.int32))[:, 0]
    assume(len(ring_N2) > 2 and signed_area(ring_N2) != 0)
    return order(ring_N2, hole)


def star(seed):
    """Not convex: vertices at random radii around a centre, far enough apart not to touch."""
    angle_N = 2 * np.pi * np.arange(9) / 9
    around_N2 = np.stack((np.cos(angle_N), np.sin(angle_N)), axis=1)
    radius_N1 = np.random.default_rng(seed).uniform(9, SIZE / 2 - 3, (9, 1))
    return np.rint(SIZE / 2 + around_N2 * radius_N1).astype(int)


stars = st.integers(0, 2**32 - 1).map(star)
rings = points.map(hull) | stars


def at_vertices(mask_HW, ring_N2, value):
    mask_HW = mask_HW.copy()
    mask_HW[ring_N2[:, 1], ring_N2[:, 0]] = value
    return mask_HW


@given(masks, rings, st.booleans())
def test_a_part_scores_what_it_paints(mask_HW, ring_N2, value):
    mask_HW = at_vertices(mask_HW, ring_N2, value)
    assert score(mask_HW, ring_N2).sum() + (1 if value else -1) == painted(mask_HW, ring_N2)


@given(masks, stars, st.booleans())
def test_a_hole_scores_what_it_cuts(mask_HW, ring_N2, value):
    mask_HW, ring_N2 = at_vertices(mask_HW, ring_N2, value), ring_N2[::-1]
    assert score(mask_HW, ring_N2).sum() - (1 if value else -1) == -painted(mask_HW, ring_N2, hole=True)


@given(masks, rings)
def test_vertices_partly_on_the_mask_are_half_a_pixel_each_at_most(mask_HW, ring_N2):
    assert abs(score(mask_HW, ring_N2).sum() - painted(mask_HW, ring_N2)) <= len(ring_N2) / 2


@given(masks, points)
def test_the_window_does_not_matter(mask_HW, points_N2):
    ring_N2 = hull(points_N2)
    x, y, width, height = cv2.boundingRect(ring_N2)
    cropped = score(mask_HW, ring_N2, (x, y, x + width, y + height)).sum()
    assert cropped == score(mask_HW, ring_N2).sum()


@given(masks, points)
def test_an_edge_of_one_point_is_worth_nothing(mask_HW, points_N2):
    twice_N2 = np.repeat(hull(points_N2), 2, axis=0)
    edges_E = score(mask_HW, twice_N2)
    assert not edges_E[::2].any()
    assert edges_E.sum() == score(mask_HW, twice_N2[::2]).sum()


@pytest.mark.parametrize("value", [1, 255])
def test_any_non_zero_is_the_mask(value):
    mask_HW = np.zeros((SIZE, SIZE), np.uint8)
    mask_HW[10:20, 10:20] = value
    ring_N2 = np.array([[10, 10], [19, 10], [19, 19], [10, 19]])
    assert score(mask_HW, ring_N2).sum() + 1 == 100
