"""Orders of vertices: the same vertices, the same text for the same mask, and what each of them keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon import Codec, UserError
from polygon.contour import signed_area
from polygon.order import ORDERS, reorder

rings = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=3, max_size=20, unique=True).map(np.array)


@given(rings, st.sampled_from(ORDERS))
def test_an_order_keeps_the_vertices_and_comes_out_alike(ring_N2, order):
    ordered = reorder(ring_N2, order)
    assert sorted(ordered.tolist()) == sorted(ring_N2.tolist())
    assert np.array_equal(ordered, reorder(ring_N2.copy(), order))


@given(rings)
def test_a_random_start_keeps_the_direction_and_the_area(ring_N2):
    ordered = reorder(ring_N2, "random_start")
    start = int(np.flatnonzero((ring_N2 == ordered[0]).all(1))[0])
    assert np.array_equal(ordered, np.roll(ring_N2, -start, axis=0))


@given(rings)
def test_a_random_direction_keeps_the_first_vertex_and_the_size(ring_N2):
    ordered = reorder(ring_N2, "random_direction")
    assert np.array_equal(ordered[0], ring_N2[0])
    assert abs(signed_area(ordered)) == pytest.approx(abs(signed_area(ring_N2)))


def test_chance_goes_both_ways():
    squares = [np.array([(x, y), (x + 9, y), (x + 9, y + 9), (x, y + 9)]) for x in range(8) for y in range(8)]
    turned = [signed_area(reorder(ring_N2, "random_direction")) < 0 for ring_N2 in squares]
    starts = {tuple(reorder(ring_N2, "random_start")[0] - ring_N2[0]) for ring_N2 in squares}
    assert 16 < sum(turned) < 48
    assert len(starts) == 4
    assert sum(not np.array_equal(reorder(ring_N2, "shuffled"), ring_N2) for ring_N2 in squares) > 48


@pytest.mark.parametrize("order", ["random_start", "random_direction"])
def test_what_keeps_the_outline_decodes_to_the_same_mask(order):
    mask_HW = np.zeros((60, 80), bool)
    mask_HW[10:40, 20:50] = True
    mask_HW[30:55, 40:70] = True
    codec = Codec(order=order, precision=2)
    canonical = Codec(precision=2)
    assert np.array_equal(
        codec.rasterise(codec.encode(mask_HW), 60, 80), canonical.rasterise(canonical.encode(mask_HW), 60, 80)
    )


def test_an_unknown_order_is_refused_by_name():
    with pytest.raises(UserError, match=r"codec\.order is 'up'"):
        Codec(order="up")
