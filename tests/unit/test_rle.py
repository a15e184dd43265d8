"""Run lengths, overlaps and boxes, against pycocotools and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from polygon import (
    Box,
    UserError,
    box_iou,
    mask_box,
    mask_iou,
    pixels_covered,
    rle_decode,
    rle_encode,
    segmentation_mask,
)

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=20))
pairs = array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


@given(masks)
def test_run_lengths_are_those_of_pycocotools_and_come_back(mask_HW):
    rle = rle_encode(mask_HW)
    expected = coco.encode(np.asfortranarray(mask_HW.astype(np.uint8)))
    assert rle == {"size": list(mask_HW.shape), "counts": expected["counts"].decode()}
    decoded_HW = rle_decode(rle)
    assert np.array_equal(decoded_HW, mask_HW)
    assert (decoded_HW.dtype, decoded_HW.flags.c_contiguous) == (np.bool_, True)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [4, 4], "counts": "zzzz"},
        {"size": [4, 4]},
        {"size": [4], "counts": "0"},
        {"size": [0, 4], "counts": ""},
        {"size": [-4, 4], "counts": ""},
        {"size": [4, 4], "counts": None},
        {"size": [4, 4], "counts": rle_encode(np.ones((4, 3), bool))["counts"]},
        {"size": [4, 4], "counts": rle_encode(np.ones((4, 5), bool))["counts"]},
        {"size": [2**15, 2**15], "counts": rle_encode(np.zeros((2**15, 2**15), np.uint8))["counts"]},
        None,
    ],
)
def test_what_is_no_run_lengths_is_named(rle):
    with pytest.raises(UserError, match="not COCO run lengths"):
        rle_decode(rle)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ({"size": [4, 4], "counts": [9]}, "cover 9 pixels of 4 x 4"),
        ({"size": [4, 4], "counts": [-1, 17]}, "whole numbers from 0"),
        ({"size": [4, 4], "counts": rle_encode(np.ones((3, 4), bool))["counts"]}, "cover 12 pixels of 4 x 4"),
        ({"size": [2, 8], "counts": [16]}, r"size \[2, 8\], image \[4, 4\]"),
        ({"counts": [16]}, "'size'"),
        ([[0, 0, 13, 0, 4, 4]], "beyond 12"),
        ([[0, 0, float("nan"), 0, 4, 4]], "beyond 12"),
        ([[0, 0, "x", 0, 4, 4]], "could not convert"),
        ([[0, 0, 4, 0]], "three"),
        ([], "three"),
        (None, "not a COCO segmentation"),
    ],
)
def test_segmentations_that_are_none_are_named(segmentation, said):
    with pytest.raises(UserError, match=said):
        segmentation_mask(segmentation, 4, 4)


@given(masks)
def test_the_pixels_that_run_lengths_cover_are_counted_as_pycocotools_reads_them(mask_HW):
    counts = rle_encode(mask_HW)["counts"]
    assert pixels_covered(counts) == pixels_covered(counts.encode()) == mask_HW.size


@given(pairs)
def test_mask_iou_is_that_of_pycocotools(pair):
    a_HW, b_HW = pair
    expected = coco.iou([rle_encode(a_HW)], [rle_encode(b_HW)], [False])[0, 0] if (a_HW | b_HW).any() else 1.0
    assert mask_iou(a_HW, b_HW) == pytest.approx(expected)
    assert mask_iou(a_HW, b_HW) == mask_iou(b_HW, a_HW)


def test_box_iou_by_hand():
    whole = Box(0, 0, 1, 1)
    assert box_iou(whole, whole) == 1.0
    assert box_iou(whole, Box(0, 0, 0.5, 0.5)) == 0.25
    assert box_iou(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert box_iou(Box(0, 0, 0.4, 0.4), Box(0.6, 0.6, 1, 1)) == 0.0
    assert box_iou(Box(0.5, 0.5, 0.5, 0.5), Box(0.5, 0.5, 0.5, 0.5)) == 0.0


def test_box_runs_along_pixel_edges():
    mask_HW = np.zeros((10, 20), np.bool_)
    assert mask_box(mask_HW) is None
    mask_HW[2, 3] = mask_HW[9, 19] = True
    assert mask_box(mask_HW) == Box(0.15, 0.2, 1.0, 1.0)
