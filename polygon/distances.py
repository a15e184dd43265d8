"""Exact squared distances to the nearest pixel that is 0.

Why: OpenCV's distance transform has two implementations; which one runs, and so the last bit of a distance, depends on
threads and on how the memory lies. Rows of a dataset must not. Squared distances between pixels are whole numbers, so
rounding the square gives the same value whichever ran, for distances up to 1,400 px; beyond, it may be off by one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def squared_distances(pixels_HW: NDArray[np.uint8]) -> NDArray[np.int64]:
    """px^2 from the centre of each pixel (H, W) to the nearest one that is 0; there must be one."""
    distances_HW = cv2.distanceTransform(pixels_HW, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
    return np.rint(distances_HW * distances_HW).astype(np.int64)
