"""Format: 1 if the whole text is exactly one well-formed answer of the asked kind, else 0.

Well-formed is `Answer.strict` of polygon/grammar.py: nothing but the answer (surrounding white space aside), plain
decimals in [0, 1], rings of at least 3 vertices. Prose around it, a code fence, a second answer or a cut-off tail
score 0 here and keep their IoU.

A mask that repeats a ring scores 0 as well. A copy adds no pixel, so no other term of the default recipe would mind
it, and repetition is how long answers collapse. Two rings are the same if their sets of distinct vertices are: starting
elsewhere, turning round (which makes a hole of it) or stuttering a vertex does not make a new one.
"""

import numpy as np

from polygon import Mask, Target
from rewards.response import Response
from rewards.term import RewardTerm


class Format(RewardTerm):
    """Strictly well-formed and no ring twice (all tasks)."""

    applies_to = ("mask", "box", "point")

    def score(self, response: Response, target: Target) -> float:
        return float(response.answer.strict and not repeats_a_ring(response))


def repeats_a_ring(response: Response) -> bool:
    """Whether two rings of a mask answer have the same set of vertices; False for boxes and points."""
    region = response.answer.region
    if not isinstance(region, Mask):
        return False
    vertex_sets = {np.unique(ring_N2, axis=0).tobytes() for ring_N2 in region.polygons}
    return len(vertex_sets) < len(region.polygons)
