"""What one readable or unreadable answer scores on one sample, for each kind of answer.

mask   RES: IoU and pixel areas (for gIoU and cIoU), Prec@0.5 ... 0.9; REC: Acc@0.5 of the box around the predicted mask
box    REC: IoU and Acc@0.5 of the box
point  whether the point's pixel lies in the ground-truth mask

An evaluator takes the region the parser read (None: it could not read one) and gives one number per column; columns
become metrics by averaging, except the two areas, which become cIoU. NaN means "does not apply to this answer".
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from evaluation.metrics import IOU_THRESHOLDS, at_least, iou_from_areas
from polygon import Box, Codec, Kind, Mask, Point, Target, UserError, box_iou, mask_box

AccBox: TypeAlias = Literal["annotated", "mask"]
"""Which box Acc@0.5 of a mask compares with: the annotated one, or (as Text4Seg does) the ground-truth mask's own."""

ACC_BOXES: tuple[AccBox, ...] = ("annotated", "mask")
Columns: TypeAlias = dict[str, float]


def mask_columns(region: Mask | None, target: Target, codec: Codec, acc_box: AccBox) -> Columns:
    """A mask answer, rasterised by `codec` at the size of the target; areas are in pixels."""
    if region is None:
        predicted_HW, n_vertices = np.zeros((target.height, target.width), dtype=bool), float("nan")
    else:
        predicted_HW, n_vertices = codec.rasterise(region, target.height, target.width), float(region.n_vertices)
    intersection = float(np.count_nonzero(predicted_HW & target.mask))
    union = float(np.count_nonzero(predicted_HW | target.mask))
    iou = 0.0 if region is None else iou_from_areas(intersection, union)
    return {
        "gIoU": iou,
        "intersection_px": intersection,
        "union_px": union,
        "Acc@0.5": 0.0 if region is None else _box_hit(mask_box(predicted_HW), target, acc_box),
        **{f"Prec@{threshold}": at_least(iou, threshold) for threshold in IOU_THRESHOLDS},
        "vertices": n_vertices,
    }


def box_columns(region: Box | None, target: Target, codec: Codec, acc_box: AccBox) -> Columns:
    """A box answer against the annotated box; a box cannot say "no target", so where there is none it is wrong."""
    iou = 0.0 if region is None or target.box is None else box_iou(region, Box(*target.box))
    return {"mIoU": iou, "Acc@0.5": at_least(iou, 0.5)}


def point_columns(region: Point | None, target: Target, codec: Codec, acc_box: AccBox) -> Columns:
    """A point answer: 1.0 if the pixel it falls into belongs to the ground-truth mask."""
    if region is None:
        return {"hit rate": 0.0}
    row = min(int(region.y * target.height), target.height - 1)
    column = min(int(region.x * target.width), target.width - 1)
    return {"hit rate": float(target.mask[row, column])}


def _box_hit(predicted: Box | None, target: Target, acc_box: AccBox) -> float:
    truth = mask_box(target.mask)
    if truth is None or predicted is None:
        return float(truth is predicted)
    if acc_box == "annotated":
        if target.box is None:
            raise UserError("a sample with a mask has no annotated box; compare with the mask's own: acc_box=mask")
        truth = Box(*target.box)
    return at_least(box_iou(predicted, truth), 0.5)


EVALUATORS: dict[Kind, Callable[..., Columns]] = {"mask": mask_columns, "box": box_columns, "point": point_columns}
