"""`Notation`: how another VLM writes coordinates, and the same answer as ours would have it.

    format=ours            [[[0.123, 0.456], ...]], [0.1, 0.2, 0.3, 0.4], [0.5, 0.6]: divided by width and height
    format=pixels          [x1, y1, x2, y2] and the like in pixels of the image
    format=norm1000        the same, 0 to 1000 along each side (Qwen3-VL, InternVL)
    format=json            a JSON value, in a ```json fence or bare, whatever its keys; coordinates from 0 to 1
    format=json_pixels     a JSON value in pixels (Qwen2.5-VL's {"bbox_2d": ...})
    format=json_norm1000   a JSON value from 0 to 1000

A text is rewritten, not judged: numbers are divided where they stand, or JSON is written out in our grammar, and what
the parser then finds or misses (prose, a cut end, a wrong kind) is what the model did. Text that should be JSON and is
not (cut short, a trailing comma) is read like one that never meant to be.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evaluation.inputs.json_answer import JsonAnswer, json_answer
from polygon import MAX_CHARACTERS
from polygon.scan import VALUE


@dataclass(frozen=True)
class Notation:
    """`unit` is what coordinates count, `json` whether they stand in a JSON value."""

    unit: Literal["side", "pixels", "norm1000"]
    json: bool = False

    @property
    def needs_size(self) -> bool:
        """Whether the image's size has to be known."""
        return self.unit == "pixels"

    def to_ours(self, text: str, height: int, width: int) -> str:
        """An answer about an image of that many px, in our notation. Never raises, whatever the text."""
        if len(text) > MAX_CHARACTERS:
            return text  # the parser refuses it for its length
        sides = {"side": (1, 1), "pixels": (width, height), "norm1000": (1000, 1000)}[self.unit]
        answer = json_answer(text) if self.json else None
        if answer is not None:
            return _written(answer, sides) or text
        return text if self.unit == "side" else VALUE.sub(lambda match: _numbers(_found(match), sides), text)


NOTATIONS: dict[str, Notation] = {
    "ours": Notation("side"),
    "pixels": Notation("pixels"),
    "norm1000": Notation("norm1000"),
    "json": Notation("side", json=True),
    "json_pixels": Notation("pixels", json=True),
    "json_norm1000": Notation("norm1000", json=True),
}


def _found(match: re.Match[str]) -> list[float]:
    return [float(number) for number in match.groups() if number is not None]


def _numbers(values: Iterable[float], sides: tuple[int, int]) -> str:
    return "[" + ", ".join(f"{value / sides[index % 2]:.6f}" for index, value in enumerate(values)) + "]"


def _written(answer: JsonAnswer, sides: tuple[int, int]) -> str:
    """Masks first, all rings in one; "" where the JSON holds neither a region nor the statement that there is none."""
    rings = (", ".join(_numbers(vertex, sides) for vertex in ring) for ring in answer.rings)
    mask = ["[" + ", ".join(f"[{ring}]" for ring in rings) + "]"] if answer.rings else []
    others = [_numbers(values, sides) for values in (*answer.boxes, *answer.points)]
    return " ".join([*mask, *others]) or ("[]" if answer.empty else "")
