"""`Notation`: how another VLM writes coordinates, and the same answer as ours would have it.

    format=ours            [[[0.123, 0.456], ...]], [0.1, 0.2, 0.3, 0.4], [0.5, 0.6]: divided by width and height
    format=pixels          lists in brackets or JSON, in pixels of the file
    format=norm1000        the same, 0 to 1000 along each side
    format=json            the same, in fractions of the sides; json_pixels and json_norm1000 are pixels and norm1000
    format=qwen2_5_vl ...  the same and what a model puts around it (markup.py), in the unit that its makers document

A text is rewritten, not judged: what is found is divided and written in our grammar, and what the parser then makes of
it (a wrong kind, a cut end, nothing) is what the model did. What was recognised and cannot be read is counted by its
reason (`Reading.unread`). The answer behind a model's thinking is what is read, as everywhere (polygon/answer_block).
"""

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.inputs.frame import Frame, Resize
from evaluation.inputs.json_answer import add_list, read_json
from evaluation.inputs.markup import blocks, loose_lists, read_point_tags
from evaluation.inputs.mask_image import paint
from evaluation.inputs.reading import Reading
from polygon import MAX_CHARACTERS
from polygon.answer_block import final_answer
from polygon.scan import VALUE

_LONGEST = 16 * MAX_CHARACTERS
"""Masks in base64 are long; what is left of a text without them is held to the parser's own limit."""


@dataclass(frozen=True)
class Rewritten:
    """An answer in our notation.

    mask_HW: where the answer holds one as an image; its text then says what else there is.
    lowest, highest: of its numbers, in the model's unit; None where it has none.
    beyond: how far the largest of them is, as a fraction of its side.
    turned: whether a box has its second corner left of or above the first.
    unread: reason -> what could not be read.
    """

    text: str
    mask_HW: NDArray[np.bool_] | None
    lowest: float | None
    highest: float | None
    beyond: float
    turned: bool
    unread: dict[str, str]


@dataclass(frozen=True)
class Notation:
    """`frame` None: the text is ours already."""

    frame: Frame | None

    @property
    def needs_size(self) -> bool:
        """Whether the image's size has to be known."""
        return self.frame is not None and self.frame.steps is None

    def resized_by(self, rule: Resize | None) -> "Notation":
        """The same in pixels of a picture that was resized by this rule; itself for None and for other units."""
        if rule is None or self.frame is None or self.frame.steps is not None:
            return self
        return replace(self, frame=replace(self.frame, resize=rule))

    def to_ours(self, text: str, height: int, width: int) -> str:
        """The text of `rewrite`."""
        return self.rewrite(text, height, width).text

    def rewrite(self, text: str, height: int, width: int, seen: tuple[int, int] | None = None) -> Rewritten:
        """An answer about an image of that many px, in our notation. Never raises, whatever the text.

        seen: (height, width) of the picture that the model saw, where it is known.
        """
        frame = self.frame
        if frame is None or len(block := final_answer(text)) > _LONGEST:
            return Rewritten(text, None, None, None, 0.0, False, {})
        sides = frame.sides(height, width, seen)
        reading = read(block, frame.y_first)
        mask_HW, unread = None, reading.unread
        if reading.masks:
            try:
                mask_HW = paint(reading.masks, sides, height, width)
            except ValueError as error:
                unread = unread | {"mask_image": str(error)}
        if reading:
            # What else a text holds, a score or a colour, is no failure.
            unread = {reason: detail for reason, detail in unread.items() if reason.startswith("mask")}
        bracketed = reading.text() if text.strip() else text
        numbers = [_numbers(match) for match in VALUE.finditer(bracketed)]
        flat = [value for values in numbers for value in values]
        beyond = max(
            (value / sides[index % 2] for values in numbers for index, value in enumerate(values)), default=0.0
        )
        turned = any(len(box) == 4 and (box[0] > box[2] or box[1] > box[3]) for box in numbers)
        ours = VALUE.sub(lambda match: _scaled(match, sides), bracketed)
        return Rewritten(ours, mask_HW, min(flat, default=None), max(flat, default=None), beyond, turned, unread)


def read(text: str, y_first: bool = False) -> Reading:
    """What an answer holds, in its own unit."""
    reading = Reading()
    read_point_tags(text, reading)
    if reading or reading.unread:
        return reading
    contents = blocks(text)
    is_json = read_json("\n".join(contents), reading, y_first)
    if y_first and reading.rings:
        reading.rings.clear()
        reading.unread["mask_polygon"] = "a polygon, of which it is not documented whether x or y comes first"
    if not is_json and not reading:
        bare = contents != [text]
        for content in contents:
            for numbers in loose_lists(content, bare):
                add_list(numbers, reading, y_first)
    return reading


NOTATIONS: dict[str, Notation] = {
    name: Notation(frame)
    for name, frame in {
        "ours": None,
        "pixels": Frame(None),
        "norm1000": Frame(1000),
        "json": Frame(1),
        "json_pixels": Frame(None),
        "json_norm1000": Frame(1000),
        "qwen2_vl": Frame(1000),
        "qwen2_5_vl": Frame(None, Resize()),
        "qwen3_vl": Frame(1000),
        "internvl3": Frame(1000),
        "deepseek_vl2": Frame(999),
        "molmo": Frame(100),
        "molmo2": Frame(1000),
        "gemini": Frame(1000, y_first=True),
        "kimi_vl": Frame(1),
        "glm_4_5v": Frame(1000),
    }.items()
}
"""Sources: tests/unit/test_notations.py, where each has an answer from its makers' documentation."""


def _numbers(match: re.Match[str]) -> list[float]:
    return [float(number) for number in match.groups() if number is not None]


def _scaled(match: re.Match[str], sides: tuple[float, float]) -> str:
    values = _numbers(match)
    return "[" + ", ".join(f"{value / sides[index % 2]:.6f}" for index, value in enumerate(values)) + "]"
