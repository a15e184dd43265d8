"""Whether a ring crosses itself, which makes its inside a matter of the rasteriser's rule."""

import numpy as np
from numpy.typing import NDArray

from polygon import Polygon

_GRID = 10**5
"""Coordinates have at most 5 decimals: on this grid they are whole numbers, and the test below is exact."""


def crosses_itself(ring_N2: Polygon) -> bool:
    """True if two edges of the closed ring cross, each one's ends strictly on either side of the other.

    Edges that touch or run along one another do not: the outline of a part one pixel wide goes there and back.
    """
    points_N2 = np.rint(ring_N2 * _GRID).astype(np.int64)
    following_N = np.arange(len(points_N2)) + 1
    following_N[-1] = 0
    along_N2 = points_N2[following_N] - points_N2
    to_x_NN, to_y_NN = (points_N2[None, :, axis] - points_N2[:, None, axis] for axis in (0, 1))
    side_NN: NDArray[np.int8] = np.sign(along_N2[:, :1] * to_y_NN - along_N2[:, 1:] * to_x_NN).astype(np.int8)
    straddles_NN = side_NN * side_NN[:, following_N] < 0  # edge i's line parts the ends of edge j
    return bool(np.any(straddles_NN & straddles_NN.T))
