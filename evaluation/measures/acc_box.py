"""The boxes of REC's Acc@0.5: the one around a mask, the one it is compared with, and the hit.

The annotated box of RefCOCO need not be the box of the annotated mask, and codes differ in which they take, and in
whether a box runs along the edges of its pixels or through their centres: evaluation/conventions.py.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.conventions import Conventions
from polygon import Box, Target, UserError, box_iou


def box_hit(box: Box | None, target: Target, rules: Conventions) -> float:
    """1.0 if the box around an answered mask hits."""
    truth = truth_box(target, rules)
    if box is None or truth is None:
        if box is not truth:
            return 0.0
        return rules.empty_union if rules.acc_no_box is None else rules.acc_no_box
    return rules.counts(overlap(box, truth, target, rules), 0.5)


def overlap(box: Box, truth: Box, target: Target, rules: Conventions) -> float:
    """IoU of two boxes, with what the conventions add to the union."""
    iou = box_iou(box, truth)
    if not rules.box_union_px or not iou:
        return iou
    areas = sum((each.x1 - each.x0) * (each.y1 - each.y0) for each in (box, truth))
    union = areas / (1 + iou) * target.height * target.width  # px^2
    return iou * union / (union + rules.box_union_px)


def truth_box(target: Target, rules: Conventions) -> Box | None:
    """The box that is compared with, None where there is no target. Raises UserError if it was never annotated."""
    if rules.acc_box == "mask":
        return box_around(target.mask, rules)
    if target.box is not None:
        return Box(*target.box)
    if target.mask.any():
        raise UserError("a mask without an annotated box; compare with the mask's own: conventions.acc_box=mask")
    return None


def box_around(mask_HW: NDArray[np.bool_], rules: Conventions) -> Box | None:
    """The box around a mask, normalised; None if the mask is empty."""
    return rectangle_box(cv2.boundingRect(mask_HW.view(np.uint8)), mask_HW.shape, rules)


def rectangle_box(rectangle: Sequence[int], size_HW: tuple[int, ...], rules: Conventions) -> Box | None:
    """The same from the rectangle (x, y, width, height) that the mask fills, in pixels."""
    (x, y, width, height), (image_height, image_width) = rectangle, size_HW
    if not width:
        return None
    inset = 0 if rules.mask_box == "edges" else 1
    x1, y1 = (x + width - inset) / image_width, (y + height - inset) / image_height
    return Box(x / image_width, y / image_height, x1, y1)
