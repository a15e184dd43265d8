"""Binary masks as numbers: COCO run lengths and segmentations, overlaps, and the box around a mask."""

import operator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as pycocotools_mask

from polygon.errors import UserError
from polygon.region import Box
from polygon.run_lengths import run_lengths

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
    """COCO run lengths -> bool (H, W), C order. Raises UserError where they do not describe such a mask."""
    try:
        height, width = map(operator.index, rle["size"])
        lengths_N = run_lengths(rle["counts"])
        if height < 1 or width < 1:
            raise ValueError(f"{height} x {width} has no pixels")
        if lengths_N.sum() != height * width:
            raise ValueError(f"the counts cover {lengths_N.sum()} pixels of {height} x {width}")
        if height * width > _MOST_PIXELS:
            raise ValueError(f"{height} x {width} are more pixels than an image has")
    except _UNREADABLE as error:
        raise UserError(f"not COCO run lengths ({error}): expected a size [h, w] and counts that fill it") from error
    inside_N = np.zeros(len(lengths_N), np.uint8)
    inside_N[1::2] = 1
    columns_first_WH = inside_N.repeat(lengths_N).reshape(width, height)
    return cv2.transpose(columns_first_WH).view(np.bool_)


def segmentation_mask(segmentation: list | dict, height: int, width: int) -> NDArray[np.bool_]:
    """A COCO annotation's `segmentation` -> bool (height, width), in pixels.

    It is a list of polygons [x0, y0, x1, y1, ...] or run lengths, compressed or not. Parts of one or two points, which
    COCO has some of, cover nothing. Raises UserError for what is neither, for run lengths that do not fill the image,
    and for outlines far outside it.
    """
    try:
        if isinstance(segmentation, list):
            if any(len(polygon) % 2 for polygon in segmentation):
                raise ValueError("a polygon has an odd number of coordinates")
            segmentation = [polygon for polygon in segmentation if len(polygon) >= 6]
            if not segmentation:
                raise ValueError("a polygon needs three (x, y) pairs")
            far = _FAR * max(height, width)
            if not all(np.abs(np.asarray(polygon, np.float64)).max() <= far for polygon in segmentation):
                raise ValueError(f"a polygon has coordinates that are no numbers or beyond {far}")
            rle = coco.merge(coco.frPyObjects(segmentation, height, width))
        else:
            rle = {name: segmentation[name] for name in ("size", "counts")}
        size = list(rle["size"])
    except _UNREADABLE as error:
        raise UserError(f"not a COCO segmentation ({error!r}): expected polygons or run lengths") from error
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
