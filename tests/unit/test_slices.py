"""The groups of a sample, and tables that are cut by them."""

from dataclasses import replace

import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, evaluate
from evaluation.report.score_tables import metric_tables, scores_text, slice_tables
from evaluation.statistics.slices import SLICES, groups_of
from polygon import Codec, rle_encode

CODEC = Codec()
SAMPLE = Shapes().sample("val", 0, "text2mask")


def with_mask(mask_HW, **facts):
    height, width = mask_HW.shape
    return replace(SAMPLE, rle=rle_encode(mask_HW), height=height, width=width, **facts)


def squares(side, *corners, size=(300, 500)):
    mask_HW = np.zeros(size, bool)
    for x, y in corners:
        mask_HW[y : y + side, x : x + side] = True
    return mask_HW


def groups(sample):
    return groups_of(sample, sample.target())


@pytest.mark.parametrize(
    ("mask_HW", "area", "parts"),
    [
        (squares(31, (10, 10)), "small, < 32 x 32 px", "1"),
        (squares(32, (10, 10)), "medium, < 96 x 96 px", "1"),
        (squares(68, (10, 10), (100, 100)), "large", "2"),
        (squares(20, *((40 * i, 40 * i) for i in range(5))), "medium, < 96 x 96 px", "3 or more"),
        (squares(1), "no target", "no target"),
    ],
)
def test_area_and_parts(mask_HW, area, parts):
    found = groups(with_mask(mask_HW))
    assert (found["area"], found["parts"]) == (area, parts)
    assert found["holes"] == ("without" if mask_HW.any() else "no target")
    assert found["image"] == "400 to 799 px"


def test_holes():
    ring_HW = squares(60, (10, 10)) & ~squares(20, (30, 30))
    assert groups(with_mask(ring_HW))["holes"] == "with"
    assert groups(with_mask(ring_HW))["parts"] == "1"


@pytest.mark.parametrize(
    ("expression", "group"),
    [
        ("dog", "1 or 2 words"),
        ("a b c", "3 to 5 words"),
        (" ".join("abcdefghij"), "10 or more words"),
        (None, "no words"),
    ],
)
def test_expression_length(expression, group):
    assert groups(replace(SAMPLE, expression=expression))["expression"] == group


def test_image_size_and_a_box_alone():
    assert groups(with_mask(squares(9, (1, 1), size=(399, 20))))["image"] == "longer side < 400 px"
    box = replace(SAMPLE, task="text2box", rle=None, box=(0.0, 0.0, 0.5, 0.5))
    found = groups(box)
    assert (found["area"], found["parts"], found["holes"]) == ("medium, < 96 x 96 px", "unknown", "unknown")


def test_every_group_is_listed():
    for index in range(30):
        for name, group in groups(Shapes().sample("val", index, "text2mask")).items():
            assert not SLICES[name] or group in SLICES[name]


@pytest.fixture(scope="module")
def scores():
    samples = [replace(Shapes().sample("val", i, "text2mask"), split=("val", "test")[i % 3 == 0]) for i in range(12)]
    samples = [replace(sample, expression=None if i < 2 else sample.expression) for i, sample in enumerate(samples)]
    answers = (CODEC.format(answer_region(sample, CODEC)) if i % 3 else "[]" for i, sample in enumerate(samples))
    return evaluate([Prediction(s.sample_id, text) for s, text in zip(samples, answers, strict=True)], samples, CODEC)


def test_a_table_for_each_slice_that_splits_the_samples(scores):
    assert [header[0] for header, _ in metric_tables(scores)] == ["text2mask, 12 samples, 12 images, simpleseg"]
    titles = [header[0] for header, _ in slice_tables(scores, ("source", "split", "expression"))]
    assert titles == ["text2mask by split, simpleseg", "text2mask by expression, simpleseg"]
    rows = {row[0]: row[1:] for row in slice_tables(scores, ("split",))[0][1]}
    assert rows["test"][:2] == ["4", "0.000 ± 0.000"]
    assert rows["val"][0] == "8"
    assert list(rows) == ["test", "val"]
    order = [row[0] for row in slice_tables(scores, ("expression",))[0][1]]
    assert order == [group for group in SLICES["expression"] if group in order]
    assert "no words" in order


def test_groups_add_up(scores):
    task = scores.tasks["text2mask"]
    parts = dict(task.groups("split"))
    assert sum(part.columns["gIoU"].sum() for part in parts.values()) == pytest.approx(task.columns["gIoU"].sum())
    assert {result.sample_id for part in parts.values() for result in part.results()} == set(task.sample_ids)
    json = scores.to_json(("split",))["tasks"]["text2mask"]["slices"]["split"]
    assert (json["test"]["samples"], json["test"]["gIoU"]["value"]) == (4, 0.0)


def test_the_conventions_stand_above_the_tables(scores):
    text = scores_text(scores, {"predictions": "p.jsonl"}, ("split",))
    head = text[: text.index("text2mask, 12 samples")]
    assert all(words in head for words in scores.conventions.values())
    assert head.startswith("predictions")
