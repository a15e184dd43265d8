"""Logits where answers are, and nowhere else.

Why: most positions of a sequence are question and image, and verl takes a softmax over the vocabulary at each: a third
of a tiny model's step on a CPU, and of a 7B model's memory 0.6 MB a position.
How: a hook drops the other positions from the input of the model's output layer.
"""

import torch
from tensordict import TensorDict
from torch import nn

LOG_PROB_GAP = "log_prob_gap"
"""Metric of an update: mean distance of the answers' log-probabilities from the old ones."""


def answer_positions(micro_batch: TensorDict) -> torch.Tensor:
    """Where the tokens of answers are predicted: indices into the packed tokens of all sequences.

    Args:
        micro_batch: of RL, `input_ids` and `responses` (B, jagged), each sequence ends with its response; of SFT,
            `input_ids` and `loss_mask` (B, jagged), 1 where a token is learnt. Position t predicts token t + 1.
    """
    offsets = micro_batch["input_ids"].offsets()
    if "responses" not in micro_batch:
        learnt = micro_batch["loss_mask"].values() != 0
        learnt[offsets[:-1]] = False  # the first token of a sequence is predicted by nothing
        return learnt.nonzero().squeeze(1) - 1
    answers = micro_batch["responses"].offsets()
    lengths = answers.diff()
    shifts = offsets[1:] - answers[1:] - 1  # from a place among all answers to the one before it among all tokens
    return torch.arange(answers[-1].item(), device=answers.device) + shifts.repeat_interleave(lengths)


def padded(positions: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Indices into packed tokens -> indices into the same sequences padded on the right to the longest, flattened."""
    rows = rows_of(positions, offsets)
    return rows * offsets.diff().max() + positions - offsets[rows]


def rows_of(positions: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The sequence that each packed position belongs to."""
    return torch.searchsorted(offsets, positions, right=True) - 1


class HeadInput:
    """While `kept` is set, the output layer sees these positions alone: (B, L, dim) -> (1, len(kept), dim)."""

    def __init__(self, head: nn.Module):
        self.kept: torch.Tensor | None = None
        head.register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, args: tuple) -> tuple | None:
        if self.kept is None:
            return None
        hidden_BLD, *others = args
        return hidden_BLD.flatten(0, 1)[self.kept].unsqueeze(0), *others


def mean_gap(some_N: torch.Tensor, others_N: torch.Tensor, mask_N: torch.Tensor) -> float:
    """Mean absolute difference of the log-probabilities of packed answers where `mask_N` is 1; 0 if it is nowhere."""
    return ((some_N - others_N).abs() * mask_N).sum().div(mask_N.sum().clamp(min=1)).item()
