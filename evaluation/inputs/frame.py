"""`Frame`: what the coordinates of a model count, so what one has to be divided by.

Why: pixels are those of the picture that the model saw. Qwen2.5-VL's processor resizes every picture before, to sides
that are multiples of 28 px, and larger ones to a number of pixels: its answers are off by up to a few percent if they
are read as pixels of the file, and wholly for large photographs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from polygon import UserError, check_keys


@dataclass(frozen=True)
class Resize:
    """How the processors of Qwen2-VL and Qwen2.5-VL resize; the values are the published checkpoints' own.

    Source: `smart_resize` of transformers' Qwen2-VL image processor, preprocessor_config.json of Qwen2.5-VL.
    """

    factor: int = 28
    min_pixels: int = 56 * 56
    max_pixels: int = 28 * 28 * 16384

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Resize | None":
        """The rule of the settings that are not null, the published checkpoints' where they are; None where all are.

        Raises UserError for a key or value that is none of a resize rule's.
        """
        check_keys("resize", config, cls)
        given = {name: value for name, value in config.items() if value is not None}
        for name, value in given.items():
            if type(value) is not int or value < 1:
                raise UserError(f"resize.{name} is {value!r}; it is a whole number from 1, or null")
        if not given:
            return None
        rule = cls(**given)
        if rule.min_pixels > rule.max_pixels:
            raise UserError(f"resize.min_pixels {rule.min_pixels} is above resize.max_pixels {rule.max_pixels}")
        return rule

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) in px of the picture that the model sees, of those in the file."""
        resized = round(height / self.factor) * self.factor, round(width / self.factor) * self.factor
        n_pixels = math.prod(resized)
        if n_pixels > self.max_pixels:
            shrink = math.sqrt(height * width / self.max_pixels)
            return self._floor(height / shrink), self._floor(width / shrink)
        if n_pixels < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (height * width))
            return self._ceil(height * grow), self._ceil(width * grow)
        return resized

    def _floor(self, length: float) -> int:
        return max(self.factor, math.floor(length / self.factor) * self.factor)

    def _ceil(self, length: float) -> int:
        return math.ceil(length / self.factor) * self.factor


@dataclass(frozen=True)
class Frame:
    """steps: what a side counts, 1 for fractions; None for pixels. resize: of pixels of a resized picture.

    y_first: lists of numbers begin with y, as Gemini's do.
    """

    steps: int | None
    resize: Resize | None = None
    y_first: bool = False

    def sides(self, height: int, width: int, seen: tuple[int, int] | None = None) -> tuple[float, float]:
        """What (width, height) of an image count. seen: (height, width) of the picture that the model saw, if known."""
        if self.steps is not None:
            return self.steps, self.steps
        if seen is None:
            seen = (height, width) if self.resize is None else self.resize.size(height, width)
        return seen[1], seen[0]

    def in_words(self) -> str:
        """For the header of a table."""
        if self.steps is not None:
            words = "fractions of a side" if self.steps == 1 else f"0 to {self.steps} along each side"
        elif self.resize is None:
            words = "pixels of the file (Qwen2.5-VL's are of the resized picture: format=qwen2_5_vl)"
        else:
            rule = ", ".join(f"{each.name} {getattr(self.resize, each.name)}" for each in fields(self.resize))
            words = f"pixels of the picture as its processor resized it ({rule})"
        return f"{words}, y first" if self.y_first else words
