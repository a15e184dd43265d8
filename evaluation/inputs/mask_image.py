"""Masks that Gemini writes: a PNG in base64, the probability of each of its pixels, stretched over a box.

Source: Gemini API, image understanding, segmentation: resize to the box, then cut at the middle, 127.
"""

import base64
import binascii
import struct
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.inputs.reading import MaskImage

_MIDDLE = 127
_PNG = b"\x89PNG\r\n\x1a\n"
_LONGEST = 4096
"""Pixels of a side; Gemini's have 256. A PNG of a few bytes can claim to be as large as memory."""


def paint(masks: Iterable[MaskImage], sides: tuple[float, float], height: int, width: int) -> NDArray[np.bool_]:
    """The union of masks as bool (height, width). sides: what (width, height) count in their unit.

    Raises ValueError for base64 or a PNG that is damaged.
    """
    union_HW = np.zeros((height, width), dtype=bool)
    for mask in masks:
        x0, y0, x1, y1 = (
            round(min(max(value / side, 0), 1) * length)
            for value, side, length in zip(mask.box, (*sides, *sides), (width, height, width, height), strict=True)
        )
        if x1 > x0 and y1 > y0:
            stretched_HW = cv2.resize(_image(mask.base64), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
            union_HW[y0:y1, x0:x1] |= stretched_HW > _MIDDLE
    return union_HW


def _image(text: str) -> NDArray[np.uint8]:
    encoded = text.partition("base64,")[2] if text.startswith("data:") else text
    try:
        png = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its mask is no base64") from None
    if not png.startswith(_PNG) or len(png) < 24 or max(struct.unpack(">II", png[16:24])) > _LONGEST:
        raise ValueError(f"its mask is no PNG of at most {_LONGEST} pixels a side")
    image_HW = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image_HW is None:
        raise ValueError("its mask is a damaged PNG")
    return image_HW.astype(np.uint8, copy=False)
