"""The codec's ceiling on real COCO instances, and the command that prints it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from evaluation.oracle import measure, read_instances
from polygon import Codec, UserError


@pytest.fixture(scope="module")
def coco_dev(shared):
    """COCO instances of the shared data, as a factory: all their masks at once would take 700 MB."""
    file = shared / "data" / "coco_dev" / "instances.json"
    if not file.is_file():
        pytest.skip(f"no {file}: the bars are measured on the project's COCO subset")
    return lambda: read_instances(file, min_area=64)


@pytest.mark.parametrize(("epsilon", "iou", "max_vertices"), [(0.001, 0.998, 66), (0.005, 0.979, 20)])
def test_matched_codec_clears_its_bars(coco_dev, epsilon, iou, max_vertices):
    figures = measure(Codec(epsilon=epsilon), coco_dev())
    assert figures["n"] == 2327
    assert figures["mean_iou"] >= iou
    assert figures["mean_iou_small"] >= iou
    assert figures["mean_vertices"] <= max_vertices


@pytest.mark.parametrize(("tolerance", "iou", "max_vertices"), [(0.002, 0.987, 20.0), (0.0068, 0.968, 12.5)])
def test_fitted_codec_clears_its_bars(coco_dev, tolerance, iou, max_vertices):
    figures = measure(Codec(simplify="fit", tolerance=tolerance), coco_dev())
    assert figures["mean_vertices"] <= max_vertices
    assert figures["mean_iou"] >= iou
    assert figures["mean_iou_small"] >= iou


def test_reference_decode_has_a_ceiling(coco_dev):
    figures = measure(Codec(decode="reference", holes=False), coco_dev())
    assert 0.89 < figures["mean_iou"] < 0.91
    assert figures["mean_iou_small"] < 0.84


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


def oracle(repo_root, *overrides):
    command = [sys.executable, "-m", "evaluation.oracle", *map(str, overrides)]
    return subprocess.run(command, cwd=repo_root, capture_output=True, text=True, timeout=120)


def test_command_prints_json(repo_root, annotations):
    run = oracle(repo_root, f"annotations={annotations}", "codec.epsilon=0.001", "codec.max_vertices=9")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["codec"]["epsilon"], report["codec"]["max_vertices"]) == (0.001, 9)
    assert (report["n"], report["n_small"]) == (2, 1)
    assert (report["mean_iou"], report["mean_iou_small"], report["p5_iou"]) == (1.0, 1.0, 1.0)
    assert (report["mean_vertices"], report["mean_tokens"]) == (4.0, None)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "annotations=FILE.json"),
        (["annotations=nowhere.json"], "cannot read annotations=nowhere.json"),
        (["annotations=setup.cfg"], "annotations=setup.cfg is not a COCO instances file"),
        (["annotations=setup.cfg", "codec.decode=other"], "codec.decode is 'other'"),
    ],
)
def test_command_ends_with_one_line_on_bad_input(repo_root, overrides, message):
    run = oracle(repo_root, *overrides)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1
    assert message in run.stderr


def test_tokens_are_counted_on_the_text_itself():
    mask_HW = np.ones((10, 10), np.bool_)
    figures = measure(Codec(), [(mask_HW, 100.0)], count_tokens=len)
    assert figures["mean_tokens"] == len(Codec().text(mask_HW))


def test_annotation_that_cannot_be_used_is_named(annotations):
    coco = json.loads(annotations.read_text())
    coco["annotations"][1]["image_id"] = 7
    annotations.write_text(json.dumps(coco))
    with pytest.raises(UserError, match=r"annotation 1 of .* cannot be used: 7"):
        list(read_instances(annotations, 64))


def test_nothing_to_measure_is_an_error(annotations):
    with pytest.raises(UserError, match="no instance"):
        measure(Codec(), read_instances(annotations, 1e6))
