"""Where an answer ends: the tokens that close a mask's outer bracket, and those that end the model's turn."""

from typing import Any

from polygon import Kind
from vlm.end_tokens import end_token_ids


def closing_token_ids(tokenizer) -> list[int]:
    """Ids of the tokens that write `]]]`, and maybe blanks around it; most tokenizers have one."""
    return [index for index in range(len(tokenizer)) if tokenizer.decode([index]).strip() == "]]]"]


class TrainingStops:
    """`of(kind)`: what vLLM is told to stop at while a model is trained, besides the tokenizer's own end token."""

    def __init__(self, tokenizer: Any) -> None:
        self._closing = closing_token_ids(tokenizer)
        self._ends = [token for token in end_token_ids(tokenizer) if token != tokenizer.eos_token_id]

    def of(self, kind: Kind) -> list[int]:
        return [*self._ends, *self._closing] if kind == "mask" else self._ends
