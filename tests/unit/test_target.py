"""Targets survive their JSON, and say what is wrong with a row that is none."""

import json

import numpy as np
import pytest

from polygon import Target, UserError, rle_encode

MASK_HW = np.arange(12).reshape(3, 4) % 3 == 0
TARGET = Target("mask", "text2mask", 3, 4, rle_encode(MASK_HW), (0.0, 0.25, 0.5, 1.0))


def test_json_round_trip():
    assert Target.from_json(TARGET.to_json()) == TARGET
    assert np.array_equal(Target.from_json(TARGET.to_json()).mask, MASK_HW)


def test_no_target_is_an_empty_mask_without_a_box():
    target = Target("mask", "text2mask", 3, 4, rle_encode(np.zeros((3, 4), np.bool_)), None)
    assert Target.from_json(target.to_json()) == target
    assert not target.mask.any()


def test_a_box_needs_no_mask():
    target = Target("box", "text2box", 3, 4, None, (0.0, 0.25, 0.5, 1.0))
    assert Target.from_json(target.to_json()) == target
    with pytest.raises(UserError, match="target has a box and no mask"):
        target.mask  # noqa: B018


def test_mask_is_decoded_once():
    assert TARGET.mask is TARGET.mask


@pytest.mark.parametrize("name", ["kind", "task", "height", "width", "rle", "box"])
def test_a_missing_field_is_named(name):
    row = json.loads(TARGET.to_json())
    del row[name]
    with pytest.raises(UserError, match=f"no field '{name}'"):
        Target.from_json(json.dumps(row))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "polygon"}, "kind 'polygon'"),
        ({"height": 5}, r"size \[3, 4\], the image \[5, 4\]"),
        ({"height": "tall"}, "not readable"),
        ({"box": [0, 1]}, "not readable"),
        ({"rle": None}, "not readable .a mask target without a mask"),
        ({"rle": None, "kind": "point"}, "not readable .a point target without a mask"),
        ({"rle": None, "kind": "box", "box": None}, "not readable .a box target without a mask"),
    ],
)
def test_a_wrong_field_is_named(change, message):
    with pytest.raises(UserError, match=message):
        Target.from_json(json.dumps(json.loads(TARGET.to_json()) | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3"])
def test_what_is_no_target_at_all(text):
    with pytest.raises(UserError, match="target is not readable"):
        Target.from_json(text)
