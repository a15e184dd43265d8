"""What every reward term is: `(response, target) -> float in [0, 1]`, or None where it does not apply.

Rules that hold for all terms live here, once. A term says nothing (None) about kinds of target it does not apply to,
so that its mean is never diluted by zeros that mean "not asked". An answer that is void (unreadable, or breaking a rule
of rewards/contract.py that would pay otherwise) scores 0 on every term, also where the right answer is "no target", and
rings that the target does not need never raise a term.

A new term is one file with one subclass: name the kinds in `applies_to`, take options as keyword-only arguments,
write `score`. The weight is the composer's (composer.py), never the term's.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from polygon import Kind, Target
from rewards.response import Response


class RewardTerm(ABC):
    """One raw, unweighted reward."""

    applies_to: ClassVar[tuple[Kind, ...]]

    def __call__(self, response: Response, target: Target) -> float | None:
        """The term in [0, 1]; None if it does not apply to the target's kind; 0 if the response is void."""
        if target.kind not in self.applies_to:
            return None
        if response.is_void:
            return 0.0
        value, spare = self.score(response, target), response.without_spare_rings
        return value if spare is None else min(value, self.score(spare, target))

    @abstractmethod
    def score(self, response: Response, target: Target) -> float:
        """The term in [0, 1] of a parsed answer to a target of a kind in `applies_to`."""
