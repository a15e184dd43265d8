"""`Overlap`: what each edge of a polygon adds to its overlap with a mask, in pixels, exact and without painting it.

The score of a polygon is the pixels of the mask that it covers less the others that it covers: a wrong pixel costs 1.
Green's theorem turns that sum over an area into one along its outline, a look-up for each pixel of an edge; so a vertex
is moved or left out at the price of its two edges. What lies left of a pixel in its row, or above it in its column, is
a difference of two entries of the summed-area table (Crow 1984).

The pixels of an edge are those that OpenCV draws, which the matched rasteriser fills up to and includes. A steep edge
has one pixel a row and sums the rows left of it: with the pixel itself where the ring runs down, the polygon being left
of it, and without it and negative where it runs up. A shallow edge does so with columns, and the difference between
rows and columns is one between its ends. An end counts half, for it is an end of the next edge too.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_TIE = 1e-6
"""In pixels: where a line runs midway between two, OpenCV draws the one nearer to the line's left end."""


class Overlap:
    """The score of edges against the part of a mask that lies in a window."""

    def __init__(self, mask_HW: NDArray[np.uint8], window: tuple[int, int, int, int]) -> None:
        """mask_HW: zeros and non-zeros; window: (x0, y0, x1, y1) in pixels, in which all edges have to lie."""
        x0, y0, x1, y1 = window
        inside_HW = (mask_HW[y0:y1, x0:x1] != 0).view(np.uint8)
        n_inside_HW = cv2.integral(inside_HW)  # pixels of the mask above and left of a corner; one larger than it
        self._n_inside = n_inside_HW.ravel()
        self._origin_21 = np.array([[x0], [y0]])
        self._stride = n_inside_HW.shape[1]
        self._corners_411 = np.array([0, 1, self._stride, self._stride + 1])[:, None, None]

    def of_edges(self, ends_22E: NDArray[np.int64]) -> NDArray[np.float64]:
        """Score of E edges, float64 (E,), given as [from, to] of [x, y] in pixels; a ring's edges sum to its score.

        A part runs clockwise on screen, and its sum is short by 1; a hole runs the other way.
        """
        ends_22E = ends_22E - self._origin_21
        from_2E, to_2E = ends_22E
        along_2E = to_2E - from_2E
        n_steps_E = np.abs(along_2E).max(axis=0)
        steep_E = np.abs(along_2E[1]) == n_steps_E
        with_pixel_E = np.where(steep_E, along_2E[1] >= 0, along_2E[0] < 0)
        # An edge has one pixel a line, at some place in it: lines are rows and places columns, or the other way.
        slope_2E = along_2E / np.maximum(n_steps_E, 1)
        tie_E = np.where(steep_E, _TIE, np.copysign(_TIE, slope_2E[0] * slope_2E[1]))
        (place_E, line_E), (place_slope_E, line_slope_E) = (
            np.where(steep_E, xy_2E, xy_2E[::-1]) for xy_2E in (from_2E, slope_2E)
        )
        place_stride_E, line_stride_E = np.where(steep_E, ((1,), (self._stride,)), ((self._stride,), (1,)))

        n_pixels_E = n_steps_E + 1
        last_E = n_pixels_E.cumsum() - 1
        first_E = last_E - n_steps_E
        pixel_P = np.arange(n_pixels_E.sum(), dtype=np.float64)
        place_P = place_slope_E.repeat(n_pixels_E)
        place_P *= pixel_P
        place_P += (place_E + with_pixel_E + (0.5 - tie_E) - place_slope_E * first_E).repeat(n_pixels_E)
        np.floor(place_P, out=place_P)
        corner_P = (line_stride_E * line_slope_E).repeat(n_pixels_E)
        corner_P *= pixel_P
        corner_P += (line_stride_E * (line_E - line_slope_E * first_E)).repeat(n_pixels_E)
        corner_P += place_P * place_stride_E.repeat(n_pixels_E)
        corner_P = corner_P.astype(np.intp)
        score_P = self._n_inside.take(corner_P + line_stride_E.repeat(n_pixels_E))
        score_P -= self._n_inside.take(corner_P)
        score_P *= 2
        score_P -= place_P.astype(np.int32)  # those inside less those outside, of `place` pixels

        half_ends_E = score_P[first_E] / 2 + score_P[last_E] / 2
        along_E = np.add.reduceat(score_P, first_E, dtype=np.int64) - half_ends_E
        x_2E, y_2E = ends_22E[:, 0], ends_22E[:, 1]
        inside_2E = self._n_inside.take(self._corners_411 + (y_2E * self._stride + x_2E)).sum(axis=0)
        from_E, to_E = inside_2E / 2 - (x_2E + 0.5) * (y_2E + 0.5)
        return np.where(with_pixel_E, along_E, -along_E) + np.where(steep_E, 0, to_E - from_E)
