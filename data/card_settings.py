"""`CardSettings`: the keys `card` of conf/prepare.yaml, checked before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from data.card_tokens import TokenCounter
from polygon import UserError

_LEAST = {"rows": 1, "max_prompt_length": 1, "max_response_length": 1, "max_length": 1, "sheet": 0}


@dataclass(frozen=True, kw_only=True)
class CardSettings:
    """What the dataset card looks at.

    rows: of every split, for figures that take time; None: all.
    tokenizer: folder or name of the model whose tokens are counted, None: none are.
    max_prompt_length, max_response_length: its limits, in tokens; max_length: of both together, in SFT.
    sheet: samples on the contact sheet, 0: no sheet.
    """

    rows: int | None
    tokenizer: str | None
    max_prompt_length: int
    max_response_length: int
    max_length: int
    sheet: int

    @classmethod
    def from_config(cls, node: Mapping[str, Any]) -> "CardSettings":
        """Raises UserError for a key that is unknown or missing, and for a number that is none."""
        known = [field.name for field in fields(cls)]
        for key in (*node, *known):
            if key not in known:
                raise UserError(f"card.{key}: unknown key; known: {', '.join(known)}")
            if key not in node:
                raise UserError(f"card.{key} is missing; see conf/prepare.yaml")
            value, least = node[key], _LEAST.get(key)
            if least is not None and not (type(value) is int and value >= least) and (key, value) != ("rows", None):
                raise UserError(f"card.{key} is {value!r}; it is a number from {least}")
        return cls(**node)

    def limits(self, stage: str) -> dict[str, int]:
        """By what has a limit in a stage, its tokens."""
        limits = {"prompt": self.max_prompt_length, "answer": self.max_response_length}
        return {**limits, "sequence": self.max_length} if stage == "sft" else limits

    def token_counter(self) -> TokenCounter | None:
        """Raises UserError for a tokenizer that cannot be used; takes seconds, because transformers imports torch."""
        return TokenCounter(self.tokenizer) if self.tokenizer else None
