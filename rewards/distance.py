"""CentroidDistance: the paper's "MSE distance" between centroids, as a bounded reward.

    mse    = ((x_P - x_T)^2 + (y_P - y_T)^2) / 2        centroids of the two masks, normalised (x, y), in [0, 1]
    reward = exp(-mse / scale)                          in (0, 1], 1 for equal centroids

Why: IoU is 0 for every answer that misses the object, near or far, so a group of misses teaches nothing; this term
still ranks them. The paper names the distance and gives neither bound nor weight. exp(-mse / scale) is 1 - mse /
scale for small errors, and unlike a clipped line it never goes flat. At the default scale of 0.02 the reward halves
at a centroid 0.17 image sides away, so guessing at random earns little.

Both masks empty: 1 (rightly no target). One of them empty: 0, there is no centroid to be near to.
"""

import math

import numpy as np
from numpy.typing import NDArray

from polygon import Target, UserError
from rewards.response import Response
from rewards.term import RewardTerm


class CentroidDistance(RewardTerm):
    """exp(-mse / scale) of the centroids (mask tasks).

    scale: the mean squared error that scores 1/e, in squared image sides, above 0.
    """

    applies_to = ("mask",)

    def __init__(self, *, scale: float = 0.02):
        if not scale > 0:
            raise UserError(f"CentroidDistance: scale={scale} is not above 0; the default is 0.02")
        self.scale = scale

    def score(self, response: Response, target: Target) -> float:
        predicted, expected = centroid(response.mask), centroid(target.mask)
        if predicted is None or expected is None:
            return float(predicted == expected)
        mse = ((predicted[0] - expected[0]) ** 2 + (predicted[1] - expected[1]) ** 2) / 2
        return math.exp(-mse / self.scale)


def centroid(mask_HW: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Mean pixel centre of a mask, normalised (x, y) in (0, 1); None for an empty mask."""
    height, width = mask_HW.shape
    columns_W, rows_H = np.count_nonzero(mask_HW, axis=0), np.count_nonzero(mask_HW, axis=1)
    area = int(rows_H.sum())
    if area == 0:
        return None
    x_px = columns_W @ np.arange(width) / area + 0.5
    y_px = rows_H @ np.arange(height) / area + 0.5
    return float(x_px / width), float(y_px / height)
