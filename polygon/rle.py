"""Binary masks as numbers: COCO run lengths and segmentations, overlaps, and the box around a mask."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as pycocotools_mask

from polygon.errors import UserError
from polygon.region import Box
from polygon.run_lengths import pixels_covered

coco: Any = pycocotools_mask  # its type stubs know neither plain dicts nor lists of polygons
_UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What pycocotools raises for run lengths and polygons that are none."""
_FAR = 3
"""Sides of the image that an outline may reach beyond it: pycocotools takes memory by the length of an outline."""
_MOST_PIXELS = 2**28
"""A size that is damaged shall not cost the memory it names; the largest photographs have half as many pixels."""


def as_binary(mask_HW: NDArray) -> NDArray[np.uint8]:
    """A bool or integer mask (H, W) as C-contiguous uint8 of zeros and non-zeros, without a copy where that is so."""
    if mask_HW.ndim != 2:
        raise ValueError(f"a mask has shape (H, W), not {mask_HW.shape}")
    if mask_HW.dtype != np.uint8:
        mask_HW = mask_HW.astype(np.bool_, copy=False).view(np.uint8)
    return np.ascontiguousarray(mask_HW)


def rle_encode(mask_HW: NDArray) -> dict:
    """Mask (H, W), bool or integer -> COCO compressed run lengths `{"size": [h, w], "counts": str}`."""
    columns_first_HW = cv2.transpose(as_binary(mask_HW)).T  # Fortran order, six times as fast as numpy's copy
    rle = coco.encode(columns_first_HW)
    return {"size": [int(length) for length in rle["size"]], "counts": rle["counts"].decode("ascii")}


def rle_decode(rle: dict) -> NDArray[np.bool_]:
    """COCO compressed run lengths -> bool (H, W), C order. Raises UserError where they do not describe such a mask."""
    try:
        height, width = rle["size"]
        if (n_pixels := pixels_covered(rle["counts"])) != height * width:
            raise ValueError(f"the counts cover {n_pixels} pixels of {height} x {width}")
        if n_pixels > _MOST_PIXELS:
            raise ValueError(f"{height} x {width} are more pixels than an image has")
        columns_first_HW = coco.decode(rle)
    except _UNREADABLE as error:
        raise UserError(f"not COCO run lengths ({error}): expected a size [h, w] and counts that fill it") from error
    if columns_first_HW.size == 0:
        raise UserError(f"not COCO run lengths: size {rle['size']} has no pixels")
    return cv2.transpose(columns_first_HW.T).view(np.bool_)


def segmentation_mask(segmentation: list | dict, height: int, width: int) -> NDArray[np.bool_]:
    """A COCO annotation's `segmentation` -> bool (height, width), in pixels.

    It is a list of polygons [x0, y0, x1, y1, ...] or run lengths, compressed or not. Raises UserError for what is
    neither, for run lengths that do not fill the image, and for outlines far outside it.
    """
    try:
        if isinstance(segmentation, list):
            if not segmentation or any(len(polygon) < 6 or len(polygon) % 2 for polygon in segmentation):
                raise ValueError("a polygon needs three (x, y) pairs")
            far = _FAR * max(height, width)
            if not all(np.abs(np.asarray(polygon, np.float64)).max() <= far for polygon in segmentation):
                raise ValueError(f"a polygon has coordinates that are no numbers or beyond {far}")
            rle = coco.merge(coco.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list) and "size" in segmentation:
            rle = coco.frPyObjects(segmentation, height, width)
        else:
            rle = segmentation
        size = list(rle["size"])
    except _UNREADABLE as error:
        raise UserError(f"not a COCO segmentation ({error}): expected polygons or run lengths") from error
    if size != [height, width]:
        raise UserError(f"not a segmentation of its image: run lengths of size {size}, image [{height}, {width}]")
    return rle_decode(rle)


def mask_iou(a_HW: NDArray[np.bool_], b_HW: NDArray[np.bool_]) -> float:
    """Intersection over union of two bool masks (H, W); two empty masks agree: 1.0."""
    union = np.count_nonzero(a_HW | b_HW)
    return np.count_nonzero(a_HW & b_HW) / union if union else 1.0


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes; 0.0 where neither has an area."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    intersection = max(width, 0.0) * max(height, 0.0)
    union = (a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - intersection
    return intersection / union if union > 0 else 0.0


def mask_box(mask_HW: NDArray) -> Box | None:
    """The box around a mask (H, W), normalised, along pixel edges: x1 = (last column + 1) / W. None if empty."""
    height, width = mask_HW.shape
    x, y, box_width, box_height = cv2.boundingRect(as_binary(mask_HW))
    return Box(x / width, y / height, (x + box_width) / width, (y + box_height) / height) if box_width else None
