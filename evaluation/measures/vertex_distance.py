"""How well the vertices of an answer agree with those of an outline: PoLiS, vertex F, vertex ratio, C-IoU.

The true outline is the ground-truth mask as the codec itself would write it, so that a perfect answer scores 0 px, 1, 1
and its IoU, and a mask traced at every pixel does not pass for a good polygon.

PoLiS (Avbelj, Müller and Bamler 2015): half the mean distance from the answer's vertices to the nearest point of the
true outline, plus half that from the outline's vertices to the answer. Holes are outlines too. Vertex F: precision and
recall of vertices that have one of the other's within a tolerance. Vertex ratio: vertices written over vertices needed.
C-IoU (Zorzi, Bittner and Fraundorfer 2022, there over areas and corner counts as here): IoU times
1 - |n - m| / (n + m).
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.measures.boundary import BoundarySettings, f_scores
from polygon import Mask, Polygon


def vertex_columns(
    answered: Mask, truth: Mask, size_HW: tuple[int, int], iou: float, settings: BoundarySettings, empty_union: float
) -> dict[str, float]:
    """The measures of two masks' rings on an image of (height, width) pixels, whose masks have this IoU.

    Where one has no rings, PoLiS is the diagonal and Vertex F and C-IoU are 0; where neither has, they follow
    `empty_union`. The ratio is NaN where there is no target.
    """
    diagonal = math.hypot(*size_HW)
    n, m = answered.n_vertices, truth.n_vertices
    if not n or not m:
        score = 0.0 if n or m else empty_union
        f_columns = dict.fromkeys(settings.columns("Vertex F").values(), score)
        return {"PoLiS": (1 - score) * diagonal, **f_columns, "C-IoU": score, "vertex ratio": 0.0 if m else math.nan}
    height, width = size_HW
    rings_a, rings_b = ([ring_N2 * (width, height) for ring_N2 in mask.polygons] for mask in (answered, truth))
    a_N2, b_M2 = np.concatenate(rings_a), np.concatenate(rings_b)
    apart_NM = np.hypot(a_N2[:, None, 0] - b_M2[:, 0], a_N2[:, None, 1] - b_M2[:, 1])
    return {
        "PoLiS": (_to_outline(a_N2, rings_b) + _to_outline(b_M2, rings_a)) / 2,
        **f_scores("Vertex F", (apart_NM.min(axis=1), apart_NM.min(axis=0)), diagonal, settings),
        "C-IoU": iou * (1 - abs(n - m) / (n + m)),
        "vertex ratio": n / m,
    }


def _to_outline(points_N2: NDArray[np.float64], rings: list[Polygon]) -> float:
    """Mean distance of the points to the nearest edge of any ring, in the unit of both."""
    contours = [ring_N2.astype(np.float32) for ring_N2 in rings]
    nearest = (min(abs(cv2.pointPolygonTest(ring, point, True)) for ring in contours) for point in points_N2.tolist())
    return sum(nearest) / len(points_N2)
