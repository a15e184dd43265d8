"""Points that lie surely inside a mask.

Why: the answer of text -> point and the question of point -> mask must hit the object even after rounding to the few
decimals of the codec, also for crescents, rings and thin parts whose centroid lies outside.
"""

import numpy as np
from numpy.typing import NDArray

from polygon import Point
from polygon.distances import squared_distances

_ROUNDING = 0.01  # of the longer side: more than two decimals can move a point (0.005 * sqrt(2))


def _squared_depth(mask_HW: NDArray[np.bool_]) -> NDArray[np.int64]:
    """px^2 from every pixel centre to the nearest pixel outside, the world beyond the image being outside."""
    return squared_distances(np.pad(mask_HW.view(np.uint8), 1))[1:-1, 1:-1]


def _point(flat_index: int, height: int, width: int) -> Point:
    row, column = divmod(int(flat_index), width)
    return Point((column + 0.5) / width, (row + 0.5) / height)


def pole(mask_HW: NDArray[np.bool_]) -> Point:
    """The pole of inaccessibility: centre of the pixel farthest from the outside (the first such in reading order).

    The mask must hold a pixel.
    """
    return _point(int(np.argmax(_squared_depth(mask_HW))), *mask_HW.shape)


def interior_point(mask_HW: NDArray[np.bool_], rng: np.random.Generator) -> Point:
    """A random pixel centre deep enough to survive rounding to two decimals, or the pole where nothing is that deep."""
    least = 1 + _ROUNDING * max(mask_HW.shape)
    inside_N = np.flatnonzero(_squared_depth(mask_HW) >= least * least)
    if len(inside_N) == 0:
        return pole(mask_HW)
    return _point(inside_N[rng.integers(len(inside_N))], *mask_HW.shape)
