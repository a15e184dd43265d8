"""MaskIoU: intersection over union of the answered mask and the target's, the reward the method is after.

    IoU = |P and T| / |P or T|          [0, 1]

An empty answer to an empty target is right and scores 1; an empty answer to a target scores 0 by the formula, as does
a polygon where there is no target. `threshold=t` gives the hard variant, 1 if IoU >= t else 0.
"""

from polygon import Target, UserError, mask_iou
from rewards.response import Response
from rewards.term import RewardTerm


class MaskIoU(RewardTerm):
    """IoU of masks (mask tasks). threshold: None for the IoU itself, or the IoU in (0, 1] that is enough for 1."""

    applies_to = ("mask",)

    def __init__(self, *, threshold: float | None = None):
        if threshold is not None and not 0 < threshold <= 1:
            raise UserError(f"MaskIoU: threshold={threshold} is not in (0, 1]; use null for the plain IoU")
        self.threshold = threshold

    def score(self, response: Response, target: Target) -> float:
        iou = mask_iou(response.mask, target.mask)
        return float(iou if self.threshold is None else iou >= self.threshold)
