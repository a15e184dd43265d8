"""Boundary IoU (Cheng et al. 2021): the IoU of the bands of pixels near each mask's own edge.

A boundary pixel has a neighbour outside its mask; beyond the image is outside.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
SQUARE = np.ones((3, 3), np.uint8)
BAND = 0.02
"""Width of the band, as a share of the image's diagonal: the paper's."""


def boundary_iou(predicted_HW: NDArray[np.bool_], truth_HW: NDArray[np.bool_], band: float = BAND) -> float | None:
    """Of two bool masks (H, W), in [0, 1]; 0 where one of them is empty, None where both are."""
    window = common_window(predicted_HW, truth_HW)
    if window is None:
        return None
    return band_iou(padded(predicted_HW[window]), padded(truth_HW[window]), band_px(truth_HW.shape, band))


def common_window(a_HW: NDArray[np.bool_], b_HW: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The rows and columns where either mask has pixels; None where both are empty."""
    x, y, width, height = cv2.boundingRect((a_HW | b_HW).view(np.uint8))
    return np.s_[y : y + height, x : x + width] if width else None


def band_px(shape: tuple[int, ...], band: float) -> int:
    return max(1, round(band * math.hypot(*shape)))


def band_iou(predicted_HW: NDArray[np.uint8], truth_HW: NDArray[np.uint8], width_px: int) -> float:
    """Of two padded masks that are not both empty."""
    bands = [rim(mask_HW, SQUARE, width_px) for mask_HW in (predicted_HW, truth_HW)]
    return np.count_nonzero(bands[0] & bands[1]) / np.count_nonzero(bands[0] | bands[1])


def padded(mask_HW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """With a pixel of outside all around, so that pixels at the border are on the boundary."""
    return np.pad(mask_HW.view(np.uint8), 1)


def rim(mask_HW: NDArray[np.uint8], element: cv2.typing.MatLike, times: int = 1) -> NDArray[np.bool_]:
    """What eroding the mask takes away."""
    return (mask_HW - cv2.erode(mask_HW, element, iterations=times)).astype(np.bool_)
