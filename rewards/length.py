"""LengthPenalty: the ablation the paper tried and dropped (it hurt). Off in the default recipe.

    reward = min(1, B / v),   B = max(budget, vertices of the target as the codec writes it)

v is the number of vertices over all rings: 1 up to the budget, then falling as 1/v and never reaching 0, so a longer
answer always scores less than a shorter one. The paper gives no formula. The target's own length is in B because the
right answer must score 1 (and be found so by the tests) however intricate the object; the encoder runs only for
answers over the budget.

Mask tasks only: boxes and points have a fixed length, and a constant 1 from them would hide the mean of the masks.
"""

from polygon import Target, UserError
from rewards.response import Response
from rewards.term import RewardTerm


class LengthPenalty(RewardTerm):
    """min(1, B / vertices) (mask tasks). budget: vertices that are free for any target, at least 1.

    Default 32: the codec at its default epsilon needs 20 on an average COCO object.
    """

    applies_to = ("mask",)

    def __init__(self, *, budget: int = 32):
        if budget < 1:
            raise UserError(f"LengthPenalty: budget={budget} is below 1 vertex; the default is 32")
        self.budget = budget

    def score(self, response: Response, target: Target) -> float:
        vertices = response.vertices or 0
        if vertices <= self.budget:
            return 1.0
        needed = response.needed.n_vertices
        return min(1.0, max(self.budget, needed) / vertices)
