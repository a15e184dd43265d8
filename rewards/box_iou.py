"""BoxIoU: intersection over union of the answered box and the target's annotated box.

The annotated box (normalised x0, y0, x1, y1), not the mask's: it is what REC's Acc@0.5 is measured against. A box
answer cannot say "no target", so where the target has no box every answer is wrong and scores 0.
"""

from polygon import Box, Target, box_iou
from rewards.response import Response
from rewards.term import RewardTerm


class BoxIoU(RewardTerm):
    """IoU of boxes (box tasks)."""

    applies_to = ("box",)

    def score(self, response: Response, target: Target) -> float:
        box = response.answer.region
        assert isinstance(box, Box)  # what the parser gives for this kind
        return 0.0 if target.box is None else box_iou(box, Box(*target.box))
