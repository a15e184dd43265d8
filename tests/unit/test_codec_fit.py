"""simplify=fit: exact without a tolerance, better than Douglas-Peucker at equal vertices, and always well formed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from benchmarks.codec import synthetic
from polygon import Codec, mask_iou, parse
from polygon.contour import trace
from polygon.crossing import crosses_itself

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=14))
blobs = masks.map(lambda mask_HW: np.kron(mask_HW, np.ones((3, 2), np.bool_)))
any_mask = masks | blobs
codecs = st.builds(
    Codec,
    simplify=st.just("fit"),
    tolerance=st.sampled_from([0.0, 0.002, 0.02, 0.3]),
    precision=st.integers(1, 4),
    integers=st.booleans(),
    holes=st.booleans(),
    min_area=st.sampled_from([0, 4]),
    max_vertices=st.sampled_from([None, 3, 7, 20]),
)


def in_steps(codec, ring):
    return np.rint(ring * 10**codec.precision).astype(np.int64)


@given(any_mask)
def test_without_tolerance_every_mask_survives(mask_HW):
    codec = Codec(simplify="fit", tolerance=0, min_area=1)
    assert np.array_equal(codec.rasterise(codec.encode(mask_HW), *mask_HW.shape), mask_HW)


@given(any_mask, codecs)
def test_what_is_written_is_well_formed(mask_HW, codec):
    mask = codec.encode(mask_HW)
    answer = codec.parse(codec.format(mask), "mask")
    assert answer.strict
    assert answer.region == mask
    assert codec.encode(mask_HW) == mask
    assert bool(mask.polygons) == mask_HW.any()
    assert codec.max_vertices is None or mask.n_vertices <= codec.max_vertices
    for ring in mask.polygons:
        assert len(ring) >= 3
        assert 0 <= ring.min() <= ring.max() <= 1
        x, y = ring.T
        assert (y[0], x[0]) == min(zip(y, x, strict=True))


@given(any_mask, codecs.filter(lambda codec: codec.max_vertices is None))
def test_no_ring_comes_to_cross_itself(mask_HW, codec):
    exact = Codec(**{**vars(codec), "simplify": "douglas_peucker", "epsilon": 0.0})
    if not any(crosses_itself(in_steps(codec, ring)) for ring in exact.encode(mask_HW).polygons):
        assert not any(crosses_itself(in_steps(codec, ring)) for ring in codec.encode(mask_HW).polygons)


def figures(codec, masks):
    """(mean vertices, mean IoU)."""
    encoded = [codec.encode(mask_HW) for mask_HW in masks]
    ious = [mask_iou(codec.rasterise(e, *m.shape), m) for e, m in zip(encoded, masks, strict=True)]
    return np.mean([mask.n_vertices for mask in encoded]), np.mean(ious)


@pytest.mark.parametrize(("epsilon", "tolerance", "precision"), [(0.005, 0.002, 3), (0.01, 0.006, 3), (0.01, 0.008, 2)])
def test_at_no_more_vertices_less_than_three_quarters_of_the_error(epsilon, tolerance, precision):
    masks = synthetic(16)
    vertices, iou = figures(Codec(simplify="fit", tolerance=tolerance, precision=precision), masks)
    peucker_vertices, peucker_iou = figures(Codec(epsilon=epsilon, precision=precision), masks)
    assert vertices <= peucker_vertices
    assert 1 - iou < 0.75 * (1 - peucker_iou)


@pytest.mark.parametrize("max_vertices", [8, 16, 24])
def test_a_budget_is_spent_better_than_by_douglas_peucker(max_vertices):
    masks = synthetic(16)
    vertices, iou = figures(Codec(simplify="fit", tolerance=0.0005, max_vertices=max_vertices), masks)
    _, peucker_iou = figures(Codec(max_vertices=max_vertices), masks)
    assert 0.75 * max_vertices < vertices <= max_vertices
    assert iou > peucker_iou + 0.01


def test_a_circle_is_circumscribed_about_as_much_as_inscribed():
    y, x = np.mgrid[:200, :200]
    disc_HW = np.hypot(x - 100, y - 100) <= 80
    codec = Codec(simplify="fit")
    decoded_HW = codec.rasterise(codec.encode(disc_HW), 200, 200)
    outside, left_out = np.count_nonzero(decoded_HW & ~disc_HW), np.count_nonzero(disc_HW & ~decoded_HW)
    assert 0.5 < outside / left_out < 2


def test_small_parts_and_holes_are_left_out_when_not_worth_three_vertices():
    mask_HW = np.zeros((100, 100), np.bool_)
    mask_HW[10:60, 10:60] = True
    mask_HW[30:34, 30:34] = False
    mask_HW[80:85, 80:85] = True
    assert len(trace(mask_HW)) == 3
    assert len(Codec(simplify="fit", tolerance=0.002).encode(mask_HW).polygons) == 3
    assert len(Codec(simplify="fit", tolerance=0.005).encode(mask_HW).polygons) == 1


def test_at_two_decimals_vertices_are_where_the_text_can_put_them():
    """Rounding afterwards would lose what was fitted: 640 pixels make 100 steps."""
    masks = synthetic(16)
    vertices, fitted = figures(Codec(simplify="fit", precision=2), masks)
    fine = [Codec(simplify="fit", precision=4).encode(mask_HW) for mask_HW in masks]
    coarse = Codec(precision=2)
    rounded = [coarse.parse(coarse.format(mask), "mask").region for mask in fine]
    ious = [mask_iou(coarse.rasterise(r, *m.shape), m) for r, m in zip(rounded, masks, strict=True)]
    assert vertices <= np.mean([mask.n_vertices for mask in fine])
    assert fitted > np.mean(ious) + 0.003


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("precision", [1, 2, 3])
def test_a_line_does_not_turn_inside_out(axis, precision):
    mask_HW = np.zeros((100, 100), np.bool_)
    mask_HW[50] = True
    mask_HW = np.moveaxis(mask_HW, 0, axis)
    codec = Codec(simplify="fit", tolerance=0, precision=precision)
    assert np.array_equal(codec.rasterise(codec.encode(mask_HW), 100, 100), mask_HW)


@pytest.mark.parametrize("precision", [1, 2])
@pytest.mark.parametrize("simplify", ["douglas_peucker", "fit"])
def test_no_ring_is_written_twice(simplify, precision):
    """Specks of a large image fall on one another on a coarse grid."""
    rng = np.random.default_rng(0)
    mask_HW = rng.random((60, 90)) < 0.03
    mask_HW[20:40, 30:70] = rng.random((20, 40)) < 0.9
    codec = Codec(simplify=simplify, tolerance=0, precision=precision, min_area=0)
    sets = [frozenset(map(tuple, ring.tolist())) for ring in codec.encode(mask_HW).polygons]
    assert len(set(sets)) == len(sets) > 10


def test_integers_are_the_same_polygons_up_to_999():
    mask_HW = np.zeros((1000, 1000), np.bool_)
    mask_HW[900:, 900:] = True
    decimals, integers = Codec(), Codec(integers=True)
    assert integers.text(mask_HW) == "[[[900, 900], [999, 900], [999, 999], [900, 999]]]"
    region = integers.parse(integers.text(mask_HW), "mask").region
    assert np.array_equal(integers.rasterise(region, 1000, 1000), mask_HW)
    assert region == parse(decimals.text(mask_HW), "mask").region
