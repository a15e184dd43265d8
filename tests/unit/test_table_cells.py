"""Cells of tables mean the same however they are written."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.record import Record
from data.record_target import target_of
from data.table_cells import box_px, cell, items, mask_of, segmentations, texts
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


def saved(picture: Image.Image, form: str, **options) -> Image.Image:
    stream = BytesIO()
    picture.save(stream, form, **options)
    return Image.open(stream)


GREY = Image.fromarray(MASK_HW.astype(np.uint8) * 255)
ALPHA = Image.merge("RGBA", (*[Image.new("L", GREY.size, 200)] * 3, GREY))
OPAQUE = Image.merge("RGBA", (GREY, GREY, GREY, Image.new("L", GREY.size, 255)))
ONES = Image.fromarray(MASK_HW.astype(np.uint8))
PALETTE = Image.fromarray(MASK_HW.astype(np.uint8), "P")
PALETTE.putpalette([0, 0, 0, 90, 0, 0])


@pytest.mark.parametrize(
    "picture",
    [
        saved(GREY, "JPEG", quality=60), saved(ALPHA, "PNG"), saved(OPAQUE, "PNG"), saved(ONES, "PNG"),
        saved(PALETTE, "PNG"), saved(GREY.convert("1"), "PNG"), saved(GREY.convert("RGB"), "JPEG"),
        Image.fromarray(MASK_HW.astype(np.uint16) * 65535),
    ],
    ids=["jpeg", "alpha", "opaque", "ones", "palette", "1 bit", "rgb jpeg", "16 bits"],
)  # fmt: skip
def test_masks_as_images(picture):
    assert np.array_equal(mask_of(picture), MASK_HW)


def test_a_map_of_labels_is_no_mask():
    labels_HW = MASK_HW.astype(np.uint8)
    labels_HW[40:] = 2
    with pytest.raises(ValueError, match="a mask has two values, this image has 3"):
        mask_of(Image.fromarray(labels_HW))
    assert not mask_of(Image.new("L", (4, 4))).any()


def test_a_mask_by_its_path(tmp_path):
    GREY.save(tmp_path / "m.png")
    (rle,) = segmentations("m.png", str(tmp_path))
    assert np.array_equal(rle_decode(rle), MASK_HW)
    assert segmentations({"bytes": None, "path": "m.png"}, str(tmp_path)) == (rle,)
    with pytest.raises(FileNotFoundError):
        segmentations("other.png", str(tmp_path))


def test_boxes_of_every_format():
    assert box_px([1, 2, 3, 4], "xywh") == (1, 2, 4, 6)
    assert box_px([0.5, 0.5, 0.5, 0.25], "cxcywh", (80, 48)) == (20, 18, 60, 30)
    assert box_px([250, 500, 500, 1000], "xyxy", (0.08, 0.048)) == pytest.approx((20, 24, 40, 48))


def test_objects_of_a_row():
    expected = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    for value in (expected, {"a": [1, 2], "b": ["x", "y"]}, json.dumps(expected)):
        assert items(value) == expected
    assert items(None) == items([]) == items({}) == items({"a": [], "b": []}) == []
    with pytest.raises(ValueError, match=r"lists of one length expected, these have \[1, 2\]: a, b"):
        items({"a": [1], "b": [1, 2]})
