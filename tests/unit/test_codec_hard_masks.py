"""Masks that are hard on simplify=fit: it writes each of them, in bounded time and within a budget."""

import cv2
import numpy as np
import pytest

from polygon import Codec


def blob():
    mask_HW = np.zeros((3000, 4000), np.uint8)
    return cv2.ellipse(mask_HW, (2000, 1500), (1200, 900), 20, 0, 360, 1, -1)


HARD = {
    "one pixel": np.pad(np.ones((1, 1), np.uint8), 40),
    "image of one pixel": np.ones((1, 1), np.uint8),
    "line": np.pad(np.ones((1, 300), np.uint8), 40),
    "full image": np.ones((480, 640), np.uint8),
    "chequers": np.indices((64, 64)).sum(axis=0) % 2,
    "comb": np.pad(np.tile(np.array([[0, 1]]), (100, 150)), ((1, 0), (0, 0)), constant_values=1),
    "500 specks": np.tile(np.pad(np.ones((3, 3), np.uint8), 5), (20, 25)),
    "noise": np.random.default_rng(0).random((200, 200)) < 0.6,
    "12 megapixels": blob(),
}


@pytest.mark.parametrize("options", [{}, {"tolerance": 0}, {"max_vertices": 16}, {"max_vertices": 16, "tolerance": 0}])
@pytest.mark.parametrize("name", HARD)
def test_hard_masks_take_less_than_a_second(name, options, within):
    codec = Codec(simplify="fit", **options)
    mask = within(1, lambda: codec.encode(HARD[name]))
    assert mask.polygons
    assert all(len(ring_N2) >= 3 for ring_N2 in mask.polygons)
    assert codec.max_vertices is None or mask.n_vertices <= codec.max_vertices
