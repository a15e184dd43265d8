"""Backgrounds of synthetic scenes: dark and nearly grey, so that no object colour can be taken for one.

Integer arithmetic only: the same bytes on every machine.
"""

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

_DARKEST, _BRIGHTEST, _TINT, _NOISE = 10, 70, 8, 24


def _dark(rng: np.random.Generator) -> NDArray[np.int32]:
    return rng.integers(_DARKEST, _BRIGHTEST) + rng.integers(-_TINT, _TINT + 1, 3, dtype=np.int32)


def sheet(colour: Iterable[int], size: int) -> NDArray[np.uint8]:
    """(size, size, 3) of one colour; cv2 fills many times faster than numpy broadcasts three channels."""
    image_HW3 = np.empty((size, size, 3), np.uint8)
    cv2.rectangle(image_HW3, (0, 0), (size, size), [int(channel) for channel in colour], cv2.FILLED)
    return image_HW3


def plain(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """One colour."""
    return sheet(_dark(rng), size)


def gradient(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """From one dark colour to another, left to right or top to bottom."""
    first, last, step_N1 = _dark(rng), _dark(rng), np.arange(size, dtype=np.int32)[:, None]
    ramp_N3 = (first * (size - 1 - step_N1) + last * step_N1) // (size - 1)
    image_HW3 = np.broadcast_to(ramp_N3, (size, size, 3))
    return np.ascontiguousarray(image_HW3 if rng.integers(2) else image_HW3.swapaxes(0, 1), dtype=np.uint8)


def noise(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """One dark colour, every pixel brightened by its own random grey."""
    grain_HW1 = rng.integers(0, _NOISE, (size, size, 1), dtype=np.uint8)
    return plain(rng, size) + grain_HW1


BACKGROUNDS: dict[str, Callable[[np.random.Generator, int], NDArray[np.uint8]]] = {
    "plain": plain,
    "gradient": gradient,
    "noise": noise,
}
