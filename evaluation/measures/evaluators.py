"""What one answer scores on one sample, for each kind of answer.

mask   RES: IoU and pixel areas (gIoU, cIoU, mean IoU), Prec@0.5 ... 0.9; REC: Acc@0.5 of the box around the mask;
       gRES: N-acc and T-acc, whether "nothing is there" was said where it is true and was not where it is false;
       with boundary settings, how well the outlines agree (evaluation/measures/boundary.py, vertex_distance.py)
box    REC: IoU and Acc@0.5 of the box, or of the box around a mask given as run lengths
point  whether the point's pixel lies in the ground-truth mask

An evaluator takes what was answered (a region, a mask as bool (H, W), or None: nothing could be read) and gives one
number per column. Columns become metrics by averaging, except the two areas, which become cIoU. NaN means "does not
apply to this answer".
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.conventions import Conventions
from evaluation.measures.acc_box import box_around, box_hit, overlap, rectangle_box, truth_box
from evaluation.measures.boundary import BoundarySettings, boundary_columns
from evaluation.measures.vertex_distance import vertex_columns
from polygon import Box, Codec, Kind, Mask, Point, Region, Target, UserError, mask_iou, rle_decode

Answered: TypeAlias = Region | NDArray[np.bool_] | None
Columns: TypeAlias = dict[str, float]

IOU_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How an answer becomes numbers; with `boundary` None, outlines are not compared."""

    codec: Codec
    conventions: Conventions
    boundary: BoundarySettings | None


def mask_columns(answered: Answered, target: Target, scoring: Scoring) -> Columns:
    """A mask answer; rings are rasterised by the codec. Areas are in pixels of the size that masks are compared at."""
    rules = scoring.conventions
    predicted_HW, truth_HW = _at_size(answered, target, scoring)
    failed = answered is None and rules.parse_failure == "zero"
    x, y, width, height = rectangle = cv2.boundingRect(predicted_HW.view(np.uint8))
    window_HW = predicted_HW[y : y + height, x : x + width]
    truth_px, predicted_px = int(np.count_nonzero(truth_HW)), int(np.count_nonzero(window_HW))
    intersection = int(np.count_nonzero(window_HW & truth_HW[y : y + height, x : x + width]))
    union = truth_px + predicted_px - intersection
    iou = 0.0 if failed else intersection / union if union else rules.empty_union
    says_something, is_there = predicted_px > 0 or failed, truth_px > 0
    return {
        "gIoU": iou,
        "mIoU": iou if is_there else math.nan,
        "intersection_px": float(intersection),
        "union_px": float(union),
        "truth_px": float(truth_px),
        "predicted_px": float(predicted_px),
        "Acc@0.5": 0.0 if failed else box_hit(rectangle_box(rectangle, predicted_HW.shape, rules), target, rules),
        **{
            f"Prec@{threshold}": rules.counts(iou, threshold) if is_there or rules.prec_over == "all" else math.nan
            for threshold in IOU_THRESHOLDS
        },
        "N-acc": math.nan if is_there else float(not says_something),
        "T-acc": float(predicted_px > 0) if is_there else math.nan,
        **_outline_columns(answered, predicted_HW, truth_HW, iou, scoring),
    }


def box_columns(answered: Answered, target: Target, scoring: Scoring) -> Columns:
    """A box, or the one around a mask; a box cannot say "no target", so where there is none it is wrong."""
    rules = scoring.conventions
    box = box_around(answered, rules) if isinstance(answered, np.ndarray) else answered
    truth = truth_box(target, rules)
    if isinstance(box, Box) and truth is not None:
        iou = overlap(box, truth, target, rules)
    else:
        iou = rules.empty_union if truth is None and isinstance(answered, np.ndarray) and box is None else 0.0
    return {"mIoU": iou, "Acc@0.5": rules.counts(iou, 0.5)}


def point_columns(answered: Answered, target: Target, scoring: Scoring) -> Columns:
    """1.0 if the pixel that the point falls into belongs to the ground-truth mask. Raises UserError for a mask."""
    if isinstance(answered, np.ndarray):
        raise UserError("a mask where a point is asked for; score masks on a split whose task is masks")
    if not isinstance(answered, Point):
        return {"hit rate": 0.0}
    row = min(int(answered.y * target.height), target.height - 1)
    column = min(int(answered.x * target.width), target.width - 1)
    return {"hit rate": float(target.mask[row, column])}


EVALUATORS: dict[Kind, Callable[[Answered, Target, Scoring], Columns]] = {
    "mask": mask_columns,
    "box": box_columns,
    "point": point_columns,
}


def _at_size(answered: Answered, target: Target, scoring: Scoring) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Predicted and true mask, bool (H, W), at the size that the conventions compare at."""
    rules = scoring.conventions
    height, width = (rules.side_px, rules.side_px) if rules.side_px else (target.height, target.width)
    if isinstance(answered, Mask):
        predicted_HW = scoring.codec.rasterise(answered, height, width)
    elif isinstance(answered, np.ndarray):
        predicted_HW = _resized(answered, height, width)
    else:
        predicted_HW = np.zeros((height, width), dtype=bool)
    if rules.empty_below_px and np.count_nonzero(predicted_HW) < rules.empty_below_px:
        predicted_HW = np.zeros((height, width), dtype=bool)
    truth_HW, counted_HW = target.mask, target.counted
    if rules.overlap == "dropped" and target.twice is not None:
        truth_HW = truth_HW & ~rle_decode(target.twice)
    if counted_HW is not None:
        predicted_HW = predicted_HW & _resized(counted_HW, height, width)
    return predicted_HW, _resized(truth_HW, height, width)


def _resized(mask_HW: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    if mask_HW.shape == (height, width):
        return mask_HW
    return cv2.resize(mask_HW.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).view(np.bool_)


def _outline_columns(
    answered: Answered, predicted_HW: NDArray[np.bool_], truth_HW: NDArray[np.bool_], iou: float, scoring: Scoring
) -> Columns:
    if scoring.boundary is None:
        return {}
    codec, settings, empty_union = scoring.codec, scoring.boundary, scoring.conventions.empty_union
    if answered is None and scoring.conventions.parse_failure == "zero":
        empty_union = 0.0
    rings = answered if isinstance(answered, Mask) and predicted_HW.any() else codec.encode(predicted_HW)
    true_rings = codec.encode(truth_HW)
    perfect_HW = codec.rasterise(true_rings, *truth_HW.shape)
    return {
        "codec's oracle IoU": mask_iou(perfect_HW, truth_HW) if true_rings.polygons else math.nan,
        **boundary_columns(predicted_HW, truth_HW, settings, empty_union),
        **vertex_columns(rings, true_rings, truth_HW.shape, iou, settings, empty_union),
    }
