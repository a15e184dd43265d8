"""Token ids -> `Answer`: where an answer ends, which tokens may not occur in it, and its text.

The text is what the rewards see in training (rewards/verl_manager.py): without trailing end and padding tokens, other
special tokens kept, spaces as they are. The token that closes a mask is part of it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from polygon import Kind
from rollout.request import Answer
from rollout.stop import closing_token_ids
from vlm.end_tokens import end_token_ids
from vlm.vision_tokens import vision_token_ids


class AnswerTokens:
    """The ids that matter of one model: a checked folder (vlm/checkpoint.py) and its tokenizer.

    `banned`: image, video and other vision tokens. They stand for pixels; one in an answer would stand for none.
    """

    def __init__(self, folder: Path, tokenizer: Any, *, stop_at_bracket: bool = True):
        config = json.loads((folder / "config.json").read_text())
        self.tokenizer = tokenizer
        self.banned = vision_token_ids(SimpleNamespace(**config))
        self.ends = end_token_ids(tokenizer, folder)
        self.closing = closing_token_ids(tokenizer) if stop_at_bracket else []
        self.pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    def stops(self, kind: Kind) -> list[int]:
        """Ids after which nothing is written: the model's end tokens and, for masks, what closes the outer bracket."""
        return [*self.ends, *self.closing] if kind == "mask" else self.ends

    def read(self, ids: Sequence[int], kind: Kind) -> Answer:
        """The answer in the ids behind a prompt; whatever follows the first stop is padding."""
        stops = set(self.stops(kind))
        length = next((place for place, token in enumerate(ids, start=1) if token in stops), None)
        kept = list(ids[:length])
        while kept and (kept[-1] == self.pad or kept[-1] in self.ends):
            kept.pop()
        text = self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return Answer(text, len(ids) if length is None else length, "length" if length is None else "stop")
