"""Fewer vertices by what they are worth: rings fitted to the mask, not to their own contours.

A vertex is written only if it saves its worth in wrong pixels. One worth for all rings of a mask, a share of its area,
spends vertices where IoU needs them. They leave the contour where that pays (`polygon.ring_fit`): a polygon whose
vertices lie on it is inscribed, which at equal vertices costs about twice the error.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from polygon.contour import Ring
from polygon.grid import Grid
from polygon.ring_fit import RingFit

_START = 2
"""Times the budget: vertices from which it is approached; so its time does not depend on how ragged the mask is."""
_TIGHTENING = 1.1
"""Factor by which a vertex's worth grows at least in each pass that a budget needs."""
_LEAST_GAIN = 0.25
"""Of what is saved, in pixels: scores are multiples of it."""
_REACH = 0.15


def fit(
    mask_HW: NDArray[np.uint8], rings: list[Ring], grid: Grid, tolerance: float, max_vertices: int | None = None
) -> list[Ring]:
    """The rings of a mask with fewer vertices, int64 (N, 2), N at least 3; still in pixels and in their order.

    mask_HW: zeros and non-zeros; `rings` bound what is to be written of them.
    grid: what the text can say; vertices are put nowhere else.
    tolerance: share of the mask's area that a vertex has to save; at 0 nothing is lost. A ring of less than three times
        that is left out, but never the first: of 500 specks alike, the first is what remains at the default.
    max_vertices: budget for all rings together, at least 3; the share is raised until they fit. Takes two or three
        times as long. At a dozen vertices and more it beats a Douglas-Peucker budget on nearly every COCO instance; at
        fewer one in twenty is worse, and so can be combs and noise, which no such polygon is like.
    """
    if not rings:
        return []
    area = sum(-ring.n_pixels if ring.hole else ring.n_pixels for ring in rings)
    worth = tolerance * area
    rings = rings[:1] + [ring for ring in rings[1:] if ring.n_pixels >= 3 * worth]
    if max_vertices is None:
        ring_fit = RingFit(mask_HW, rings, grid)
        fitted = [ring_fit.fit(ring, worth) for ring in rings]
    else:
        rings = rings[: max_vertices // 3]
        fitted = _to_budget(RingFit(mask_HW, rings, grid), rings, max_vertices, worth, area)
    return [replace(ring, vertices_N2=ring_2N.T) for ring, ring_2N in zip(rings, fitted, strict=True)]


def _to_budget(
    ring_fit: RingFit, rings: list[Ring], max_vertices: int, worth: float, area: float
) -> list[NDArray[np.int64]]:
    """Fit from a start near the budget; then raise the worth until few enough are left, and let them settle.

    A vertex that has to be worth the whole mask may also go where that makes a ring cross itself.
    """
    while _n_vertices([ring_fit.start(ring, worth) for ring in rings]) > _START * max_vertices:
        worth = 1.5 * worth + _LEAST_GAIN
    fitted = [ring_fit.fit(ring, worth, most=_START * max_vertices) for ring in rings]
    if _n_vertices(fitted) <= max_vertices:
        return fitted
    while (excess := _n_vertices(fitted) - max_vertices) > 0:
        losses = np.sort(np.concatenate([ring_fit.losses(ring_2N) for ring_2N in fitted if ring_2N.shape[1] > 3]))
        worth = max(_TIGHTENING * worth, losses[min(excess - 1, len(losses) // 2)] + _LEAST_GAIN)
        reach = round(_REACH * math.sqrt(worth))
        fitted = [ring_fit.improve(ring_2N, reach, worth, uncrossed=worth < area) for ring_2N in fitted]
    return [ring_fit.settle(ring_2N, math.sqrt(worth), worth=0, uncrossed=worth < area) for ring_2N in fitted]


def _n_vertices(fitted: list[NDArray[np.int64]]) -> int:
    return sum(ring_2N.shape[1] for ring_2N in fitted)
