"""Mask -> polygons -> mask: exact without simplification, in the paper's order, within budget; bad settings named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from polygon import Codec, Mask, UserError, mask_iou, parse, rle_decode, rle_encode
from polygon.contour import signed_area

EXACT = Codec(epsilon=0, min_area=1)
masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=14))
blobs = masks.map(lambda mask_HW: np.kron(mask_HW, np.ones((3, 2), np.bool_)))


def disc(height=240, width=320, radius=60, hole=0):
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - width / 2, y - height / 2)
    return (distance <= radius) & (distance >= hole)


@given(masks | blobs)
def test_without_simplification_every_mask_survives_its_text(mask_HW):
    text = EXACT.text(mask_HW)
    answer = parse(text, "mask")
    assert answer.strict
    assert np.array_equal(EXACT.rasterise(answer.region, *mask_HW.shape), mask_HW)


@pytest.mark.parametrize("size", [128, 427, 640, 999, 1000])
def test_three_decimals_are_exact_up_to_a_thousand_pixels(size):
    mask_HW = np.random.default_rng(size).random((8, size)) < 0.5
    for oriented_HW in (mask_HW, mask_HW.T):
        assert np.array_equal(EXACT.rasterise(EXACT.encode(oriented_HW), *oriented_HW.shape), oriented_HW)


@given(masks | blobs, st.sampled_from([0, 0.005, 0.05]), st.integers(1, 3))
def test_rings_are_in_the_paper_order(mask_HW, epsilon, precision):
    for ring in Codec(epsilon=epsilon, precision=precision).encode(mask_HW).polygons:
        x, y = ring.T
        assert (y[0], x[0]) == min(zip(y, x, strict=True))
        assert len(ring) >= 3
        assert np.array_equal(ring, np.round(ring, precision))


def test_outer_rings_run_clockwise_and_holes_counter_clockwise_after_their_part():
    mask_HW = disc(hole=40) | disc(radius=10)
    mask_HW[5:30, 5:25] = True
    outer, hole, speck, island = Codec().encode(mask_HW).polygons
    assert signed_area(outer) > 0 > signed_area(hole)
    assert signed_area(outer) > signed_area(speck) > signed_area(island) > 0
    assert np.array_equal(speck, [[0.017, 0.023], [0.077, 0.023], [0.077, 0.123], [0.017, 0.123]])


@given(masks | blobs)
def test_holes_can_be_left_out(mask_HW):
    filled = Codec(epsilon=0, min_area=1, holes=False).encode(mask_HW)
    assert all(signed_area(ring) >= 0 for ring in filled.polygons)
    assert not (mask_HW & ~EXACT.rasterise(filled, *mask_HW.shape)).any()


def test_empty_mask_is_the_empty_list():
    assert Codec().text(np.zeros((4, 5), np.bool_)) == "[]"
    assert not Codec().rasterise(Mask(), 4, 5).any()


def test_specks_are_left_out_unless_there_is_nothing_else():
    specks_HW = np.zeros((20, 20), np.bool_)
    specks_HW[3, 3] = specks_HW[9, 9:11] = True
    (line,) = Codec().encode(specks_HW).polygons
    assert np.array_equal(line, [[0.475, 0.475], [0.525, 0.475], [0.525, 0.475]])
    assert Codec().rasterise(Mask((line,)), 20, 20).sum() == 2
    specks_HW[12:16, 12:16] = True
    assert Codec().rasterise(Codec().encode(specks_HW), 20, 20).sum() == 16
    specks_HW[13, 13] = False
    assert Codec().rasterise(Codec().encode(specks_HW), 20, 20).sum() == 16
    assert np.array_equal(EXACT.rasterise(EXACT.encode(specks_HW), 20, 20), specks_HW)


@given(blobs, st.integers(3, 24))
def test_budget_holds_for_the_whole_mask(mask_HW, max_vertices):
    mask = Codec(epsilon=0, max_vertices=max_vertices).encode(mask_HW)
    assert mask.n_vertices <= max_vertices
    assert (mask.n_vertices > 0) == mask_HW.any()


def test_budget_is_spent():
    for max_vertices in (6, 12, 24, 48):
        mask = Codec(epsilon=0, max_vertices=max_vertices).encode(disc())
        assert 0.6 * max_vertices <= mask.n_vertices <= max_vertices


def test_a_larger_epsilon_costs_overlap_and_saves_vertices():
    mask_HW = disc(hole=30)
    masks = [Codec(epsilon=epsilon).encode(mask_HW) for epsilon in (0.001, 0.005, 0.02)]
    ious = [mask_iou(Codec().rasterise(mask, *mask_HW.shape), mask_HW) for mask in masks]
    assert [mask.n_vertices for mask in masks] == sorted((mask.n_vertices for mask in masks), reverse=True)
    assert ious == sorted(ious, reverse=True)
    assert 0.75 < ious[2] < 0.95 < ious[1] < 0.99 < ious[0]


def test_a_thin_ring_keeps_its_hole_when_it_is_simplified():
    mask_HW = disc(radius=60, hole=58)
    decoded_HW = Codec(epsilon=0.02).rasterise(Codec(epsilon=0.02).encode(mask_HW), *mask_HW.shape)
    assert not decoded_HW[120, 160]


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32])
def test_masks_of_any_type_and_layout(dtype):
    mask_HW = disc(hole=20)
    assert Codec().encode(mask_HW.astype(dtype)) == Codec().encode(mask_HW)
    assert Codec().encode(np.asfortranarray(mask_HW.astype(dtype))) == Codec().encode(mask_HW)
    assert Codec().encode((mask_HW * 255).astype(dtype)) == Codec().encode(mask_HW)


def test_coco_segmentations():
    polygons = [[10.0, 10.0, 60.0, 12.0, 50.0, 70.0], [70.0, 70.0, 90.0, 70.0, 90.0, 90.0, 70.0, 90.0]]
    rle = coco.merge(coco.frPyObjects(polygons, 100, 120))
    mask_HW = rle_decode(rle)
    runs = np.flatnonzero(np.diff(np.r_[False, mask_HW.T.ravel(), False]))
    uncompressed = {"size": [100, 120], "counts": np.diff(np.r_[0, runs, mask_HW.size]).tolist()}
    for segmentation in (polygons, rle, rle_encode(mask_HW), uncompressed):
        assert Codec().encode_segmentation(segmentation, 100, 120) == Codec().encode(mask_HW)


@pytest.mark.parametrize("segmentation", [[], [[1, 2, 3, 4]], [["a"] * 6], {"size": [9, 9]}, {"counts": 3}, None])
def test_what_is_no_segmentation_is_named(segmentation):
    with pytest.raises(UserError, match="not a COCO segmentation"):
        Codec().encode_segmentation(segmentation, 9, 9)


def test_segmentation_of_another_size_is_named():
    with pytest.raises(UserError, match=r"size \[240, 320\], image \[320, 240\]"):
        Codec().encode_segmentation(rle_encode(disc()), 320, 240)


def test_rle_of_polygons_is_that_of_their_mask():
    mask_HW = disc(hole=20)
    codec = Codec()
    mask = codec.encode(mask_HW)
    assert np.array_equal(rle_decode(codec.rle(mask, 240, 320)), codec.rasterise(mask, 240, 320))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"epsilno": 0.1}, "no setting 'epsilno': it has simplify, epsilon, tolerance, max_vertices"),
        ({"epsilon": -1}, "epsilon is -1"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"epsilon": "small"}, "wrong type"),
        ({"simplify": "visvalingam"}, "simplify is 'visvalingam': give douglas_peucker or fit"),
        ({"simplify": "fit", "decode": "reference"}, "simplify=fit is made for codec.decode=matched"),
        ({"tolerance": 1}, "tolerance is 1"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"max_vertices": 0}, "max_vertices is 0"),
        ({"precision": 9}, "precision is 9"),
        ({"decode": "other"}, "decode is 'other'"),
        ({"min_area": -1}, "min_area is -1"),
    ],
)
def test_bad_settings_are_named(config, message):
    with pytest.raises(UserError, match=message):
        Codec.from_config(config)


def test_settings_are_taken_over():
    assert Codec.from_config({"epsilon": 0.01, "precision": 2}) == Codec(epsilon=0.01, precision=2)
