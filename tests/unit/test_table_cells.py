"""Cells of tables mean the same however they are written."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.record import Record
from data.record_target import target_of
from data.table_cells import box_px, cell, segmentations, texts
from polygon import rle_decode, rle_encode

RING = [10, 5, 30, 5, 30, 25, 10, 25]
MASK_HW = np.zeros((48, 80), np.bool_)
MASK_HW[5:25, 10:30] = True


def png(mask_HW: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(mask_HW.astype(np.uint8) * 255).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        RING,
        [RING],
        [[RING[i], RING[i + 1]] for i in range(0, 8, 2)],
        [[[RING[i], RING[i + 1]] for i in range(0, 8, 2)]],
        json.dumps([RING]),
        rle_encode(MASK_HW),
        [rle_encode(MASK_HW)],
        {"size": [48, 80], "counts": rle_encode(MASK_HW)["counts"].encode()},
        png(MASK_HW),
        {"bytes": png(MASK_HW), "path": None},
        MASK_HW.tolist(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_segmentations_in_every_form(value):
    record = Record("set", "val", "photo.jpg", "i", "a", 48, 80, segmentations(value), None, ("x",))
    assert np.array_equal(rle_decode(target_of(record, 48, 80)[0]), MASK_HW)


def test_other_cells():
    assert segmentations(None) == segmentations([]) == segmentations(" ") == ()
    assert texts(None) == texts(["", " "]) == ()
    assert texts(" a ") == ("a",)
    with pytest.raises(TypeError):
        texts([1])
    assert box_px("[1, 2, 3, 4]", "xyxy") == (1, 2, 3, 4)
    assert box_px(None, "xywh") is None
    assert cell({"a": '{"b": [{"c": 1}, {"c": 2}]}'}, "a.b.c") == [1, 2]
    with pytest.raises(KeyError):
        cell({"a": {}}, "a.b")
