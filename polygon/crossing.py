"""Where a ring crosses itself, which makes its inside a matter of the rasteriser's rule."""

import numpy as np
from numpy.typing import NDArray

from polygon.contour import previous


def crossing_edges(ring_N2: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which edges of a closed ring cross another, the ends of each strictly on either side of the other, bool (N,).

    The first is the edge that ends at the first vertex. Coordinates are whole numbers, so the answer is exact. Edges
    that touch or run along one another do not cross: the outline of a part one pixel wide goes there and back. Time and
    memory grow with the square of the vertices.
    """
    x_N, y_N = ring_N2.T
    along_x_N1, along_y_N1 = (ring_N2 - previous(ring_N2)).T[..., None]
    to_x_NN, to_y_NN = x_N - x_N[:, None], y_N - y_N[:, None]
    side_NN = np.sign(along_x_N1 * to_y_NN - along_y_N1 * to_x_NN).astype(np.int8)
    straddles_NN = side_NN * side_NN[:, np.arange(len(x_N)) - 1] < 0  # edge i's line parts the ends of edge j
    return (straddles_NN & straddles_NN.T).any(axis=1)


def crosses_itself(ring_N2: NDArray[np.integer]) -> bool:
    """True if any edge of a closed ring crosses another (`crossing_edges`)."""
    return bool(crossing_edges(ring_N2).any())
