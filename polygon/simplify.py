"""Fewer vertices: Douglas-Peucker (1973), by a tolerance relative to each ring's perimeter or a budget for all rings.

Its vertices lie on the contour, so the polygon is inscribed in what is round; `polygon.fit` puts them where they pay.
"""

from dataclasses import replace

import cv2
from numpy.typing import NDArray

from polygon.contour import Ring

LARGEST_EPSILON = 0.5
"""No two points of a closed ring are further apart than half its perimeter."""
_BISECTIONS = 12
"""Enough to settle epsilon to 0.0001; every step costs one simplification."""


def simplify(rings: list[Ring], epsilon: float) -> list[Ring]:
    """Rings of fewer vertices; none moves by more than `epsilon` x its own perimeter."""
    return [replace(ring, vertices_N2=_simplified(ring.vertices_N2, epsilon)) for ring in rings]


def simplify_to_budget(rings: list[Ring], epsilon: float, max_vertices: int) -> list[Ring]:
    """Simplify with the smallest tolerance, at least `epsilon`, at which all rings have `max_vertices` together.

    Every ring counts 3 at least, as it will be written. Where that alone is over budget, the last rings are dropped, so
    the result can be shorter than `rings`.
    """
    rings = rings[: max_vertices // 3]
    low, high = epsilon, LARGEST_EPSILON
    tolerance = low
    best = simplify(rings, high)
    for _ in range(_BISECTIONS):
        candidate = simplify(rings, tolerance)
        if sum(max(len(ring.vertices_N2), 3) for ring in candidate) <= max_vertices:
            high, best = tolerance, candidate
        else:
            low = tolerance
        if low >= high:
            break
        tolerance = (low + high) / 2
    return best


def _simplified(vertices_N2: NDArray, epsilon: float) -> NDArray:
    return cv2.approxPolyDP(vertices_N2, epsilon * cv2.arcLength(vertices_N2, True), True)[:, 0]
