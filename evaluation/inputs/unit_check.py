"""`UnitCheck`: do the numbers of a file look as if they counted what its format says?

Why: fractions read as pixels are points in the corner, pixels read as thousandths are boxes beyond the image, and both
score as a bad model does. One odd answer is the model's; where many are odd, the format is wrong and the file refused.
"""

from pathlib import Path

from evaluation.inputs.frame import Frame
from evaluation.inputs.notation import Rewritten
from polygon import UserError
from polygon.answer_block import final_answer
from polygon.scan import VALUE

FRACTIONS_MOST = 0.5
"""Share of answers that may lie within one pixel, or one thousandth, of a corner."""
BEYOND_MOST = 0.1
"""Share of answers that may reach beyond the image by more than a rounding."""
TURNED_MOST = 0.3
"""Share of answers whose box may have its corners the wrong way round: those of x, y, width and height do by chance."""
_ANYWAY = " (check_units=false scores them as they are)"
_ROUNDING = 1.05
_LOOKED_AT = 1000
"""Answers in our own notation that are looked at."""


class UnitCheck:
    """Filled while a file is read, a row at a time."""

    def __init__(self) -> None:
        self.answers = self.fractions = self.beyond = self.turned = 0
        self.first_fraction = self.first_beyond = self.first_turned = ""

    def add(self, answer: Rewritten, where: str) -> None:
        """Count an answer that has numbers, other than zeros and ones, which say nothing of their unit."""
        if answer.lowest is None or answer.highest is None or {answer.lowest, answer.highest} <= {0.0, 1.0}:
            return
        self.answers += 1
        if answer.lowest >= 0 and answer.highest <= 1:
            self.fractions += 1
            self.first_fraction = self.first_fraction or f"{where}: {answer.lowest:g} to {answer.highest:g}"
        if answer.beyond > _ROUNDING:
            self.beyond += 1
            self.first_beyond = self.first_beyond or f"{where}: {answer.lowest:g} to {answer.highest:g}"

        if answer.turned:
            self.turned += 1
            self.first_turned = self.first_turned or where

    def add_ours(self, text: str, where: str) -> None:
        """Count an answer in our notation of fractions; only the first are looked at."""
        if self.answers == _LOOKED_AT:
            return
        found = VALUE.finditer(final_answer(text))
        numbers = [float(number) for match in found for number in match.groups() if number is not None]
        if numbers:
            self.add(Rewritten(text, None, min(numbers), max(numbers), max(numbers), False, {}), where)

    def refuse(self, path: Path, format: str, frame: Frame) -> None:
        """Raises UserError where the numbers are not in the frame's unit, or boxes are no corners."""
        means = f"{path}: format={format} reads {frame.in_words()}, but"
        if frame.steps != 1 and self.fractions > FRACTIONS_MOST * self.answers:
            raise UserError(
                f"{means} the numbers of {self.fractions} of {self.answers} answers lie between 0 and 1 "
                f"({self.first_fraction}): they are fractions of the sides; give format=json{_ANYWAY}"
            )
        if self.beyond > BEYOND_MOST * self.answers:
            counted = f"{means} {self.beyond} of {self.answers} answers reach beyond the image ({self.first_beyond})"
            raise UserError(f"{counted}: {_way_out(frame)}{_ANYWAY}")
        if self.turned > TURNED_MOST * self.answers:
            raise UserError(
                f"{path}: boxes of {self.turned} of {self.answers} answers end left of or above where they begin "
                f"(first {self.first_turned}): are they x, y, width and height? write corners, or format=coco{_ANYWAY}"
            )

    def in_words(self) -> str | None:
        """For the header of a table: answers beyond the image, which are cut at its border; None if there are none."""
        if not self.beyond:
            return None
        return f"{self.beyond} of {self.answers} answers reach beyond the image ({self.first_beyond})"


def _way_out(frame: Frame) -> str:
    if frame.steps == 1:
        return "are they thousandths? give format=norm1000; for pixels give format=pixels, or format=qwen2_5_vl"
    if frame.steps is not None:
        return "are they pixels? give format=pixels, or format=qwen2_5_vl for those of the resized image"
    if frame.resize is not None:
        return (
            "set resize.min_pixels and resize.max_pixels to the processor's own, or say the width and height that the "
            "model saw in each row; format=pixels reads pixels of the file, format=norm1000 thousandths"
        )
    return (
        "is the image resized before the model sees it? give format=qwen2_5_vl or resize.max_pixels, or say the width "
        "and height that the model saw in each row; format=norm1000 reads thousandths"
    )
