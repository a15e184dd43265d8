"""Rule rewards: how good a response is, as raw terms in [0, 1] and their weighted sum. No torch, no verl."""

from rewards.composer import TERMS, Rewards
from rewards.response import Response
from rewards.score import Score
from rewards.term import RewardTerm

__all__ = ["TERMS", "Response", "RewardTerm", "Rewards", "Score"]
