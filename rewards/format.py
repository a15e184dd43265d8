"""Format: 1 for an answer that keeps the contract of rewards/contract.py, else 0.

Prose around it, a second answer, decimals that the codec does not write, repeated vertices or rings, a hole beside its
object or far more vertices than the object needs score 0 here.
"""

from polygon import Target
from rewards.response import Response
from rewards.term import RewardTerm


class Format(RewardTerm):
    """Well-formed (all tasks)."""

    applies_to = ("mask", "box", "point")

    def score(self, response: Response, target: Target) -> float:
        return float(not response.breaches)
