"""How well two masks agree along their outlines: Boundary IoU, boundary F, the 95 % Hausdorff distance.

Boundary IoU (Cheng et al. 2021): IoU of the bands of pixels within 2 % of the image's diagonal of each mask's own edge.
Boundary F (Martin et al. 2004; DAVIS takes 0.8 % of the diagonal): of the precision and recall of boundary pixels that
have one of the other mask's within a tolerance. Hausdorff: the larger of the two 95th percentiles of the distances from
one boundary to the other, as MONAI and DeepMind's surface-distance define it (medpy pools both before the percentile).

A boundary pixel has one of its four neighbours outside its mask; beyond the image is outside. Distances are Euclidean,
between pixel centres (polygon/distances.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polygon import UserError, check_keys
from polygon.boundary import BAND, CROSS, band_iou, band_px, common_window, padded, rim
from polygon.distances import squared_distances


@dataclass(frozen=True, kw_only=True)
class BoundarySettings:
    """band and tolerances are fractions of the image's diagonal: of Boundary IoU, and of each boundary F."""

    band: float = BAND
    tolerances: tuple[float, ...] = (0.002, 0.004, 0.008)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "BoundarySettings":
        """Build from configuration. Raises UserError for a key or value that is none of theirs."""
        check_keys("boundary", config, cls)
        settings = cls(**{**config, "tolerances": tuple(config.get("tolerances", cls.tolerances))})
        for fraction in (settings.band, *settings.tolerances):
            if not (isinstance(fraction, float) and 0 < fraction < 1):
                raise UserError(f"boundary has {fraction!r}: give fractions of the diagonal, such as 0.02")
        return settings

    def columns(self, measure: str) -> dict[float, str]:
        """Tolerance -> column of a measure: `Boundary F@0.8%`."""
        return {tolerance: f"{measure}@{100 * tolerance:g}%" for tolerance in self.tolerances}

    def in_words(self) -> dict[str, str]:
        shares = ", ".join(f"{100 * tolerance:g}%" for tolerance in self.tolerances)
        return {
            "Boundary IoU": f"of bands {self.band:.0%} of the diagonal wide",
            "Boundary F, Vertex F": f"within {shares} of the diagonal",
            "Hausdorff 95, PoLiS": "px; the image's diagonal where one outline is missing",
        }


def boundary_columns(
    predicted_HW: NDArray[np.bool_], truth_HW: NDArray[np.bool_], settings: BoundarySettings, empty_union: float
) -> dict[str, float]:
    """The measures of two bool masks (H, W); `empty_union` is the score of two empty ones.

    Where one of them is empty the distance is the diagonal, the largest there is, and the scores are 0.
    """
    diagonal = math.hypot(*truth_HW.shape)
    window = common_window(predicted_HW, truth_HW)
    if window is None or not predicted_HW.any() or not truth_HW.any():
        return _columns(settings, empty_union if window is None else 0.0, diagonal)
    masks = [padded(mask_HW[window]) for mask_HW in (predicted_HW, truth_HW)]
    edges = [rim(mask, CROSS) for mask in masks]
    to_edge = [_distances(edge) for edge in edges]
    distances = to_edge[1][edges[0]], to_edge[0][edges[1]]  # of the predicted boundary to the true one, and back
    return {
        "Boundary IoU": band_iou(masks[0], masks[1], band_px(truth_HW.shape, settings.band)),
        **f_scores("Boundary F", distances, diagonal, settings),
        "Hausdorff 95": max(float(np.percentile(d, 95)) for d in distances),
    }


def f_scores(
    measure: str, distances: Sequence[NDArray], diagonal: float, settings: BoundarySettings
) -> dict[str, float]:
    """F of precision and recall at every tolerance, from the distances (N,) one way and (M,) the other, in pixels."""
    scores = {}
    for tolerance, column in settings.columns(measure).items():
        precision, recall = (float(np.mean(distance <= tolerance * diagonal)) for distance in distances)
        scores[column] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return scores


def _columns(settings: BoundarySettings, score: float, diagonal: float) -> dict[str, float]:
    distance = (1 - score) * diagonal
    f_columns = settings.columns("Boundary F").values()
    return {"Boundary IoU": score, **dict.fromkeys(f_columns, score), "Hausdorff 95": distance}


def _distances(edge_HW: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.sqrt(squared_distances((~edge_HW).view(np.uint8)))
