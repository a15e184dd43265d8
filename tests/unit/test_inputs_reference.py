"""The published checkpoints' answers mean what the release's own example makes of them.

Its rules, in our words: every list of [x, y] pairs anywhere in the text is a polygon, coordinates are multiplied by
width and height, each is painted by pycocotools, and the mask is their union.
"""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from polygon import Codec, Mask, parse

NUMBER = r"(?:[1-9]\d*\.\d+|0\.\d+|\d+)"
POINT = rf"\[\s*{NUMBER}\s*,\s*{NUMBER}\s*\]"
POLYGON = re.compile(rf"\[\s*{POINT}(?:\s*,\s*{POINT})*\s*\]")
REFERENCE = Codec(decode="reference", holes=False)


def released(text: str, height: int, width: int) -> np.ndarray:
    """The mask that the release reads in a text, bool (H, W)."""
    union_HW = np.zeros((height, width), bool)
    for found in POLYGON.finditer(text):
        ring_N2 = np.array(json.loads(found[0])) * (width, height)
        union_HW |= coco.decode(coco.frPyObjects([ring_N2.ravel().tolist()], height, width))[..., 0].astype(bool)
    return union_HW


def ours(text: str, height: int, width: int) -> np.ndarray:
    answer = parse(text, "mask", "all")
    return REFERENCE.rasterise(answer.region if isinstance(answer.region, Mask) else Mask(), height, width)


coordinates = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
rings = st.lists(st.tuples(coordinates, coordinates).map(list), min_size=3, max_size=12)
WORDINGS = ("{}.", "It is at {}.", "Sure, you can find it at {}.", "{} and {}")


@given(st.lists(rings, min_size=1, max_size=4), st.sampled_from(WORDINGS), st.integers(1, 90), st.integers(1, 90))
def test_an_answer_is_the_same_mask(polygons, wording, height, width):
    text = wording.format(polygons, polygons[::-1])
    assert (ours(text, height, width) == released(text, height, width)).all()


@pytest.mark.parametrize(
    "text",
    [
        "[[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]] [[[0.2, 0.5], [0.4, 0.5], [0.4, 0.9]]].",
        "[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]",
        "[[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], [[0.3, 0.3], [0.5, 0.3",
        "[]",
        "no such thing",
    ],
)
def test_other_shapes_of_an_answer(text):
    assert (ours(text, 48, 64) == released(text, 48, 64)).all()
