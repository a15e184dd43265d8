"""Rings -> binary mask, by one of two rules.

`matched` undoes the encoder: a vertex is the pixel that contains it, an outer ring is filled with its edge, a hole is
cut without its edge. Rings are painted one over the other as they are written; the encoder writes a part before those
that lie in its holes, so these survive. (By area would not do: simplified, a thin part can be smaller than its hole.)

A model may write anything. A ring that crosses itself is filled by the even-odd rule, and its signed area says whether
it is a hole; a ring without area paints its line; a counter-clockwise ring that lies mostly on nothing is filled, for
there is nothing to cut and a part written in the wrong order is still that part.

Painting takes time by area, and a text can hold hundreds of rings: they are painted until their boxes add up to
MAX_PAINTED pixels, and the rest is left out.

`reference` is what the reference release does: pycocotools on the vertices times (W, H), the union of all rings.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon.contour import signed_area
from polygon.grid import to_pixels
from polygon.region import Mask
from polygon.rle import segmentation_mask

_NO_AREA = 1e-12
"""Below the smallest triangle on a grid of 5 decimals, above rounding error: such a ring is a line."""
MAX_PAINTED = 2**28
"""About half a second. The parser reads 682 rings at most, so an image of up to 390,000 pixels cannot get there."""


def rasterise_matched(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """Paint a mask's rings on (height, width) pixels by the encoder's own rule -> bool (H, W)."""
    canvas_HW = np.zeros((height, width), np.uint8)
    painted = 0
    for ring_N2 in mask.polygons:
        if painted >= MAX_PAINTED:
            break
        pixels_N2 = to_pixels(ring_N2, height, width)
        x, y, box_width, box_height = cv2.boundingRect(pixels_N2)
        painted += box_width * box_height
        window_HW = canvas_HW[y : y + box_height, x : x + box_width]
        if signed_area(ring_N2) > -_NO_AREA or not _cut(window_HW, pixels_N2 - (x, y)):
            cv2.fillPoly(canvas_HW, [pixels_N2], 1)
    return canvas_HW.view(np.bool_)


def _cut(window_HW: NDArray[np.uint8], pixels_N2: NDArray[np.int32]) -> bool:
    """Clear the inside of a ring in its window; False, and nothing done, where it mostly lies on nothing."""
    inside_HW = np.zeros(window_HW.shape, np.uint8)
    cv2.fillPoly(inside_HW, [pixels_N2], 1)
    if 2 * np.count_nonzero(window_HW & inside_HW) < np.count_nonzero(inside_HW):
        return False
    cv2.polylines(inside_HW, [pixels_N2], True, 0)
    window_HW &= ~inside_HW  # 254 or 255: the canvas holds ones
    return True


def rasterise_reference(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """Union of all rings, holes filled, by COCO's polygon rasteriser -> bool (H, W)."""
    if not mask.polygons:
        return np.zeros((height, width), np.bool_)
    rings = [(ring_N2 * (width, height)).ravel().tolist() for ring_N2 in mask.polygons]
    return segmentation_mask(rings, height, width)
