"""`RingFit`: one ring of a mask fitted to it, by passes over its vertices.

It starts as a Douglas-Peucker polygon (1973). In every pass each vertex tries its neighbouring places and being left
out, scored without painting (`polygon.overlap`), and takes the best unless one of the two vertices beside it gains
more. A ring comes to cross itself only where its contour, written as text, does.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon.contour import Ring, following, order, previous, signed_area
from polygon.crossing import crossing_edges
from polygon.grid import Grid
from polygon.overlap import Overlap

_START = 0.5
"""Tolerance of the start in units of the square root of a vertex's worth, which is the side of as many pixels."""
_COARSE_START = 0.35
"""The same in pixels between those that a coarse text can say: finer starts fold onto themselves there."""
_PASSES = (0.3, 0.0)
"""How far a pass moves a vertex, in the unit of _START, and at least to the next pixel that the text can say."""
_DIRECTIONS_2K1 = np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]])[:, :, None]  # the first place is the vertex's own
_MARGIN = 8
"""Pixels around the rings that vertices may use."""
_FINER = (1, 1 / 2, 1 / 4, 1 / 8, 0)
"""Where a ring comes to cross itself it starts again at these shares of the tolerance; the last is its contour."""
_MOST_CHECKED = 1000
"""Vertices up to which a ring is checked for that, at quadratic cost: some 30 ms."""


class RingFit:
    """A mask, and the pixels at which a text can put vertices around its rings. Rings are int64 (2, N): x and y."""

    def __init__(self, mask_HW: NDArray[np.uint8], rings: list[Ring], grid: Grid) -> None:
        """mask_HW: zeros and non-zeros; the rings are in its pixels."""
        self._grid = grid
        height, width = mask_HW.shape
        self._next_211 = np.array([-(-width // grid.steps), -(-height // grid.steps)])[:, None, None]
        self._coarse = int(self._next_211.max()) - 1  # pixels that are skipped
        margin = _MARGIN + self._coarse
        x, y, w, h = cv2.boundingRect(np.concatenate([ring.vertices_N2 for ring in rings]))
        x0, y0, x1, y1 = max(x - margin, 0), max(y - margin, 0), min(x + w + margin, width), min(y + h + margin, height)
        self._overlap = Overlap(mask_HW, (x0, y0, x1, y1))
        x_W, y_H = grid.sayable()
        x_K, y_K = x_W[(x_W >= x0) & (x_W < x1)], y_H[(y_H >= y0) & (y_H < y1)]
        self._x_W = x_W.clip(x_K[0], x_K[-1]).astype(np.int64)
        self._y_H = y_H.clip(y_K[0], y_K[-1]).astype(np.int64)

    def fit(self, ring: Ring, worth: float, most: int = _MOST_CHECKED) -> NDArray[np.int64]:
        """A ring whose vertices are worth that many pixels each; started again with `most` vertices at most."""
        if worth == 0 and not self._coarse:
            return self.start(ring, worth)  # its contour, which has no wrong pixel
        side = math.sqrt(worth)
        fitted_2N = self.settle(self.start(ring, worth), side, worth, uncrossed=False)
        if not self._crossing(fitted_2N).any() and not _turned(fitted_2N, ring.hole):
            return fitted_2N
        for finer in _FINER:
            start_2N = self.start(ring, worth, finer)
            if start_2N.shape[1] <= most and not self._crossing(start_2N).any():
                settled_2N = self.settle(start_2N, side, worth, uncrossed=True)
                return start_2N if _turned(settled_2N, ring.hole) else settled_2N
        return fitted_2N

    def start(self, ring: Ring, worth: float, finer: float = 1) -> NDArray[np.int64]:
        """The Douglas-Peucker polygon of a ring from which `fit` sets out, or one at that share of its tolerance."""
        tolerance = finer * max(_START * math.sqrt(worth), _COARSE_START * self._coarse)
        vertices_N2 = order(cv2.approxPolyDP(ring.vertices_N2, tolerance, True)[:, 0], ring.hole)
        at_least_3 = np.arange(max(len(vertices_N2), 3)) % len(vertices_N2)
        return self._sayable(vertices_N2[at_least_3].T)

    def _sayable(self, pixels_2X: NDArray) -> NDArray[np.int64]:
        x_X, y_X = pixels_2X
        return np.stack((self._x_W.take(x_X, mode="clip"), self._y_H.take(y_X, mode="clip")))

    def _crossing(self, ring_2N: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which edges cross another as text, by the vertex that they end at; none of a ring that is not checked."""
        if ring_2N.shape[1] > _MOST_CHECKED:
            return np.zeros(ring_2N.shape[1], np.bool_)
        return crossing_edges(self._grid.to_steps(ring_2N.T))

    def settle(self, ring_2N: NDArray[np.int64], side: float, worth: float, uncrossed: bool) -> NDArray[np.int64]:
        """The passes, from coarse to fine; `side` is their unit in pixels."""
        for reach in _PASSES:
            ring_2N = self.improve(ring_2N, round(reach * side), worth, uncrossed)
        return ring_2N

    def improve(self, ring_2N: NDArray[np.int64], reach: int, worth: float, uncrossed: bool) -> NDArray[np.int64]:
        """One pass, moving vertices by `reach` pixels; with `uncrossed`, no change that makes the ring cross itself.

        No two neighbours change together, so that each gains what it was promised.
        """
        places_2KN = self._sayable(ring_2N[:, None] + _DIRECTIONS_2K1 * np.maximum(reach, self._next_211))
        gains_CN = self._gains(ring_2N, places_2KN, worth)
        choice_N, gain_N = gains_CN.argmax(axis=0), gains_CN.max(axis=0)
        changing = np.flatnonzero((gain_N > 0) & (gain_N >= previous(gain_N)) & (gain_N > following(gain_N)))
        if not changing.size:
            changing = np.flatnonzero(gain_N > 0)[:1]  # of a ring on which all gain alike
        improved_2N, end_C = _changed(ring_2N, places_2KN, choice_N, changing)
        while uncrossed and (crossing_N := self._crossing(improved_2N)).any():
            moves_C = choice_N[changing] < places_2KN.shape[1]  # that changes two edges, leaving makes one
            at_fault_C = crossing_N[end_C] | (moves_C & crossing_N[(end_C + 1) % len(crossing_N)])
            if not at_fault_C.any():
                break
            changing = changing[~at_fault_C]
            improved_2N, end_C = _changed(ring_2N, places_2KN, choice_N, changing)
        return improved_2N

    def losses(self, ring_2N: NDArray[np.int64]) -> NDArray[np.float64]:
        """What leaving out each vertex costs, in pixels, (N,)."""
        return -self._gains(ring_2N, ring_2N[:, None], worth=0)[-1]

    def _gains(self, ring_2N: NDArray[np.int64], places_2KN: NDArray[np.int64], worth: float) -> NDArray[np.float64]:
        """What each vertex gains at each of its places, the first being its own, and last by leaving: (K + 1, N)."""
        _, n_places, n_vertices = places_2KN.shape
        from_N, to_N = np.arange(n_vertices) - 1, np.arange(1 - n_vertices, 1)
        ends_22CN = np.empty((2, 2, 2 * n_places, n_vertices), np.int64)
        ends_22CN[0, :, :n_places] = ring_2N[:, None, from_N]
        ends_22CN[1, :, :n_places] = places_2KN
        ends_22CN[0, :, n_places:-1] = places_2KN[:, 1:]
        ends_22CN[1, :, n_places:] = ring_2N[:, None, to_N]
        ends_22CN[0, :, -1] = ring_2N[:, from_N]
        edges_CN = self._overlap.of_edges(ends_22CN.reshape(2, 2, -1)).reshape(-1, n_vertices)
        scores_CN = np.empty((n_places + 1, n_vertices))
        scores_CN[0] = edges_CN[0] + edges_CN[0, to_N]
        scores_CN[1:-1] = edges_CN[1:n_places] + edges_CN[n_places:-1]
        scores_CN[-1] = edges_CN[-1] + worth if n_vertices > 3 else -np.inf
        return scores_CN - scores_CN[0]


def _turned(ring_2N: NDArray[np.int64], hole: bool) -> bool:
    """Whether it runs the wrong way round: a line can turn, and scores what lies beside it as if it cut that out."""
    area = signed_area(ring_2N.T)
    return area > 0 if hole else area < 0


def _changed(
    ring_2N: NDArray[np.int64], places_2KN: NDArray[np.int64], choice_N: NDArray[np.intp], changing: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """The ring with those vertices moved to their chosen places, or left out where the choice is none of them.

    With it, for each of them the index there of the vertex at which its first edge ends.
    """
    _, n_places, n_vertices = places_2KN.shape
    leaves = choice_N[changing] == n_places
    moving, leaving = changing[~leaves], changing[leaves][: n_vertices - 3]
    changed_2N = ring_2N.copy()
    changed_2N[:, moving] = places_2KN[:, choice_N[moving], moving]
    staying_N = np.ones(n_vertices, np.bool_)
    staying_N[leaving] = False
    index_N = staying_N.cumsum() - staying_N  # of the first that stays from here on
    return changed_2N[:, staying_N], index_N[changing] % (n_vertices - len(leaving))
