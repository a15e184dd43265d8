"""`TokenCounter`: how long prompts and answers are to one model, images included, without looking at an image.

Why: a prompt over the limit ends a run hours in, and a cut prompt no longer matches its image; the tokens of an image
follow from its size alone.
How: `TokenCounter("Qwen/Qwen2.5-VL-7B-Instruct").prompt("Outline the dog.", 480, 640)`; needs transformers, which is
imported when asked for, and of the model its tokenizer, chat template and image processor, no weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from data.card_facts import RowFacts
from data.statistics import summary
from polygon import UserError


class TokenCounter:
    """Counts with the tokenizer and the image processor in `path`, a folder or a name of the hub."""

    def __init__(self, path: str):
        """Raises UserError where there is no such model, or none with an image processor like Qwen2-VL's."""
        try:
            from transformers import AutoProcessor
        except ImportError as error:
            raise UserError(
                "card.tokenizer needs transformers: install the extra cpu or gpu, or set it null"
            ) from error
        try:
            self._processor: Any = AutoProcessor.from_pretrained(path)
            self._merged = self._processor.image_processor.merge_size**2  # patches of an image token
            self._image_patches = self._processor.image_processor.get_number_of_image_patches
        except (OSError, ValueError, AttributeError) as error:
            raise UserError(
                f"card.tokenizer={path} has no tokenizer with an image processor like Qwen2-VL's: give the folder or "
                "the name of a vision-language model, or null"
            ) from error

    def prompt(self, question: str, height: int, width: int) -> int:
        """Tokens of a question about an image of height x width px, chat template and image included."""
        content = [{"type": "image"}, {"type": "text", "text": question}]
        text = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        return self._count(text) - 1 + self._image_patches(height, width, {}) // self._merged

    def answer(self, text: str) -> int:
        """Tokens of an answer, the one that ends it included."""
        return self._count(text) + 1

    def _count(self, text: str) -> int:
        return len(self._processor.tokenizer(text, add_special_tokens=False)["input_ids"])


def token_figures(rows: Sequence[RowFacts], count: TokenCounter, limits: Mapping[str, int]) -> dict[str, Any]:
    """Lengths in tokens, how many rows are over their limit, and the longest row by name.

    `limits` has those of "prompt", "answer" and "sequence", which is both together; what it lacks is left out.
    """
    prompts = [count.prompt(row.question, row.height, row.width) for row in rows]
    answers = [count.answer(row.answer) for row in rows]
    both = [sum(pair) for pair in zip(prompts, answers, strict=True)]
    found = {}
    for name, lengths in (("prompt", prompts), ("answer", answers), ("sequence", both)):
        if name in limits:
            over, longest = sum(length > limits[name] for length in lengths), rows[lengths.index(max(lengths))]
            facts = {"limit": limits[name], "over_limit": over, "longest": longest.sample_id}
            found[name] = {**(summary(lengths) or {}), **facts}
    return found
