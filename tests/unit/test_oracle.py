"""The codec's ceiling as a command. Its bars on real COCO instances: tests/integration/test_codec_bars.py."""

import json

import numpy as np
import pytest

from evaluation.inputs.bad_rows import BadRows
from evaluation.oracle import main, measure, read_instances
from polygon import Codec, UserError


@pytest.fixture
def annotations(tmp_path):
    """A COCO file of a square, a small square, a crowd and a speck."""
    rows = [(0, 40, 0), (50, 60, 0), (10, 40, 1), (70, 74, 0)]
    coco = {
        "images": [{"id": 1, "height": 80, "width": 100}],
        "annotations": [
            {"id": i, "image_id": 1, "iscrowd": crowd, "area": (b - a) ** 2, "segmentation": [[a, a, b, a, b, b, a, b]]}
            for i, (a, b, crowd) in enumerate(rows)
        ],
    }
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(coco))
    return file


def test_command_prints_json(ended, annotations):
    run = ended(main, "oracle", f"annotations={annotations}", "codec.epsilon=0.001", "codec.max_vertices=9")
    assert (run.code, run.err) == (0, "")
    report = json.loads(run.out)
    assert (report["codec"]["epsilon"], report["codec"]["max_vertices"]) == (0.001, 9)
    assert (report["n"], report["n_small"]) == (2, 1)
    assert (report["mean_iou"], report["mean_iou_small"], report["p5_iou"]) == (1.0, 1.0, 1.0)
    assert (report["mean_vertices"], report["mean_tokens"]) == (4.0, None)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "annotations=FILE.json"),
        (["annotations=nowhere.json"], "cannot read nowhere.json"),
        ([f"annotations={__file__}"], f"{__file__} is no whole JSON file"),
        (["annotations=nowhere.json", "codec.decode=other"], "codec.decode is 'other'"),
    ],
)
def test_command_ends_with_one_line_on_bad_input(ended, overrides, message):
    run = ended(main, "oracle", *overrides)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("error: ")
    assert run.err.count("\n") == 1
    assert message in run.err


def test_tokens_are_counted_on_the_text_itself():
    mask_HW = np.ones((10, 10), np.bool_)
    figures = measure(Codec(), [(mask_HW, 100.0)], count_tokens=len)
    assert figures["mean_tokens"] == len(Codec().text(mask_HW))


def test_annotation_that_cannot_be_used_is_named(annotations):
    coco = json.loads(annotations.read_text())
    coco["annotations"][1]["image_id"] = 7
    annotations.write_text(json.dumps(coco))
    bad = BadRows()
    assert len(list(read_instances(annotations, 0, bad))) == 2, "without the crowd region"
    assert "1 bad_annotation (annotation 1: no size of image 7)" in bad.in_words()


def test_nothing_to_measure_is_an_error(annotations):
    with pytest.raises(UserError, match="no instance"):
        measure(Codec(), read_instances(annotations, 1e6))
