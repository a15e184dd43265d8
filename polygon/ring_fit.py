"""`RingFit`: one ring of a mask fitted to it, by passes over its vertices.

It starts as a Douglas-Peucker polygon. In every pass each vertex tries its neighbouring places and being left out,
scored without painting (`polygon.overlap`), and takes the best unless one of the two vertices beside it gains more. A
ring comes to cross itself only where its contour, written as text, does.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon.contour import Ring, following, order, previous
from polygon.crossing import crosses_itself
from polygon.grid import Grid
from polygon.overlap import Overlap

_START = 0.5
"""Tolerance of the start in units of the square root of a vertex's worth, which is the side of as many pixels."""
_COARSE_START = 0.35
"""The same in pixels between those that a coarse text can say: finer starts fold onto themselves there."""
_PASSES = (0.4, 0.15, 0.0)
"""How far a pass moves a vertex, in the unit of _START, and at least to the next pixel that the text can say."""
_DIRECTIONS_2K1 = np.array([[0, 1, -1, 0, 0], [0, 0, 0, 1, -1]])[:, :, None]  # the first place is the vertex's own
_MARGIN = 8
"""Pixels around the rings that vertices may use."""
_FINER = (1, 1 / 2, 1 / 4, 1 / 8, 0)
"""Where a ring comes to cross itself it starts again at these shares of the tolerance; the last is its contour."""
_MOST_CHECKED = 2000
"""Vertices up to which a ring is checked for that, at quadratic cost; the parser reads about as many."""


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

    def fit(self, ring: Ring, worth: float) -> NDArray[np.int64]:
        """A ring whose vertices are worth that many pixels each."""
        side = math.sqrt(worth)
        tolerance = max(_START * side, _COARSE_START * self._coarse)
        fitted_2N = self.settle(self._start(ring, tolerance), side, worth, uncrossed=False)
        if self._crosses(fitted_2N):
            for finer in _FINER:
                start_2N = self._start(ring, finer * tolerance)
                if start_2N.shape[1] <= _MOST_CHECKED and not self._crosses(start_2N):
                    return self.settle(start_2N, side, worth, uncrossed=True)
        return fitted_2N

    def _start(self, ring: Ring, tolerance: float) -> NDArray[np.int64]:
        vertices_N2 = order(cv2.approxPolyDP(ring.vertices_N2, tolerance, True)[:, 0], ring.hole)
        at_least_3 = np.arange(max(len(vertices_N2), 3)) % len(vertices_N2)
        return self._sayable(vertices_N2[at_least_3].T)

    def _sayable(self, pixels_2X: NDArray) -> NDArray[np.int64]:
        x_X, y_X = pixels_2X
        return np.stack((self._x_W.take(x_X, mode="clip"), self._y_H.take(y_X, mode="clip")))

    def _crosses(self, ring_2N: NDArray[np.int64]) -> bool:
        return ring_2N.shape[1] <= _MOST_CHECKED and crosses_itself(self._grid.to_steps(ring_2N.T))

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
        improved_2N = _changed(ring_2N, places_2KN, choice_N, changing)
        if uncrossed and self._crosses(improved_2N):
            kept = changing[:0]
            for vertex in changing[np.argsort(-gain_N[changing], kind="stable")]:
                more = np.append(kept, vertex)
                if not self._crosses(_changed(ring_2N, places_2KN, choice_N, more)):
                    kept = more
            improved_2N = _changed(ring_2N, places_2KN, choice_N, kept)
        return improved_2N

    def losses(self, ring_2N: NDArray[np.int64]) -> NDArray[np.float64]:
        """What leaving out each vertex costs, in pixels, (N,)."""
        return -self._gains(ring_2N, ring_2N[:, None], worth=0)[-1]

    def _gains(self, ring_2N: NDArray[np.int64], places_2KN: NDArray[np.int64], worth: float) -> NDArray[np.float64]:
        """What each vertex gains at each of its places, the first being its own, and last by leaving: (K + 1, N)."""
        _, n_places, n_vertices = places_2KN.shape
        before_2N, after_2N = previous(ring_2N.T).T, following(ring_2N.T).T
        ends_22CN = np.empty((2, 2, 2 * n_places + 1, n_vertices), np.int64)
        ends_22CN[0, :, :n_places] = before_2N[:, None]
        ends_22CN[1, :, :n_places] = ends_22CN[0, :, n_places:-1] = places_2KN
        ends_22CN[1, :, n_places:-1] = after_2N[:, None]
        ends_22CN[:, :, -1] = before_2N, after_2N
        edges_CN = self._overlap.of_edges(ends_22CN.reshape(2, 2, -1)).reshape(-1, n_vertices)
        scores_CN = edges_CN[: n_places + 1]
        scores_CN[:n_places] += edges_CN[n_places:-1]
        scores_CN[-1] = edges_CN[-1] + worth if n_vertices > 3 else -np.inf
        return scores_CN - scores_CN[0]


def _changed(
    ring_2N: NDArray[np.int64], places_2KN: NDArray[np.int64], choice_N: NDArray[np.intp], changing: NDArray[np.intp]
) -> NDArray[np.int64]:
    """The ring with those vertices moved to their chosen places, or left out where the choice is none of them."""
    _, n_places, n_vertices = places_2KN.shape
    moving, leaving = changing[choice_N[changing] < n_places], changing[choice_N[changing] == n_places]
    changed_2N = ring_2N.copy()
    changed_2N[:, moving] = places_2KN[:, choice_N[moving], moving]
    staying_N = np.ones(n_vertices, np.bool_)
    staying_N[leaving[: n_vertices - 3]] = False
    return changed_2N[:, staying_N]
