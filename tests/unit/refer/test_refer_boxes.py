"""RefCLEF as text with boxes: read, cut to the image, and refused where its three files disagree."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.problems import BadRow
from data.refer_boxes import ReferBoxes
from polygon import Target, UserError

QUERIES = {"12_1": ["sky", " the left tree "], "12_2": ["grass"], "30012_1": ["man"], "12_3": [""], "99_1": ["ghost"]}
BOXES = {"12_1": [0, 0, 79, 20], "12_2": [5, 6, 30, 40], "30012_1": [1, 1, 2], "12_3": [1, 1, 2, 2]}
SIZES = {"12.jpg": [80, 60], "30012.jpg": [80, 60]}


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "images/saiapr_tc-12").mkdir(parents=True)
    for name in SIZES:
        cv2.imwrite(str(tmp_path / "images/saiapr_tc-12" / name), np.zeros((60, 80, 3), np.uint8))
    for name, content in (("query_train", QUERIES), ("query_test", {}), ("bbox", BOXES), ("imsize", SIZES)):
        (tmp_path / f"referit_{name}.json").write_text(json.dumps(content))
    return tmp_path


def boxes(folder: Path, **options) -> ReferBoxes:
    return ReferBoxes.from_config({"name": "refclef_boxes", "root": str(folder), **options})


def test_every_sound_text_is_a_box_sample_and_others_say_why(folder):
    source = boxes(folder)
    assert source.splits == ("train", "test")
    assert source.size("train") == 6
    found, reasons = {}, {}
    for index in range(6):
        record = source.records("train")[source.place("train", index)[0]]
        try:
            sample = source.sample("train", index, "text2box")
        except BadRow as bad:
            reasons[record.ann_id] = bad.reason
        else:
            found[sample.expression] = sample.box
            good = index
            target = sample.target()
            assert Target.from_json(target.to_json()) == target
            assert (target.rle, sample.image_id) == (None, "saiapr/12.jpg")
    assert found == {
        "sky": (0.0, 0.0, 1.0, 21 / 60),
        "the left tree": (0.0, 0.0, 1.0, 21 / 60),
        "grass": (5 / 80, 6 / 60, 31 / 80, 41 / 60),
    }
    assert reasons == {"30012_1": "bad_annotation", "12_3": "no_expression", "99_1": "bad_annotation"}
    with pytest.raises(BadRow, match=r"no_mask: .* text2mask cannot be asked of it, text2box can"):
        source.sample("train", good, "text2mask")


def test_what_is_missing_is_named(folder):
    (folder / "referit_bbox.json").unlink()
    with pytest.raises(
        UserError, match=r"referit_bbox\.json missing; dataset\.source\.root: name the folder that holds"
    ):
        boxes(folder)
    (folder / "referit_bbox.json").write_text("{")
    with pytest.raises(UserError, match=r"referit_bbox\.json is no whole JSON file"):
        boxes(folder).records("train")[0]
    (folder / "referit_bbox.json").write_text("[1]")
    with pytest.raises(UserError, match=r"referit_bbox\.json is no JSON object of lists"):
        boxes(folder).records("train")[0]
    (folder / "images/saiapr_tc-12").rename(folder / "elsewhere")
    (folder / "images").rmdir()
    with pytest.raises(UserError, match=r"expected images/saiapr_tc-12 or saiapr_tc-12 or images in it"):
        boxes(folder)
    assert boxes(folder, images="elsewhere").size("train") == 6


def test_the_shared_expressions_are_read(shared, tmp_path):
    """120,081 of them; their photographs are not there, which is the only thing wrong."""
    root = shared / "data/ref_text/refclef"
    if not root.is_dir():
        pytest.skip("no RefCLEF text in the shared data")
    source = boxes(root, images=str(tmp_path))
    assert {split: source.size(split) for split in source.splits} == {"train": 54_134, "val": 5842, "test": 60_105}
    for index in range(0, 60_000, 3000):
        record = source.records("test")[source.place("test", index)[0]]
        assert all(record.expressions)
        assert record.problem is None
        x0, y0, x1, y1 = record.box_px
        assert 0 <= x0 < x1 <= record.width
        assert 0 <= y0 < y1 <= record.height
        with pytest.raises(BadRow, match="missing_image"):
            source.sample("test", index, "text2box")
