"""PointInMask: 1 if the answered point lies on the object, else 0.

The pixel of a normalised point is (floor(x W), floor(y H)), and the last one for x = 1 or y = 1. A point answer
cannot say "no target", so where there is none every answer is wrong and scores 0.
"""

from polygon import Point, Target
from rewards.response import Response
from rewards.term import RewardTerm


class PointInMask(RewardTerm):
    """Whether the pixel under the point belongs to the target's mask (point tasks)."""

    applies_to = ("point",)

    def score(self, response: Response, target: Target) -> float:
        point = response.answer.region
        assert isinstance(point, Point)  # what the parser gives for this kind
        column = min(int(point.x * target.width), target.width - 1)
        row = min(int(point.y * target.height), target.height - 1)
        return float(target.mask[row, column])
