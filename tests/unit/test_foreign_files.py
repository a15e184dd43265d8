"""The files in ../shared/data/cases, of the kind that people have, each with its right value (README there)."""

import json

import pytest

from data.checked import Checked
from data.huggingface import HuggingFace
from data.prepare import main as prepare
from data.problems import BadRow
from evaluation.run import main as evaluate
from polygon.rle import coco

ONE_FILE = (
    "dataset.source.annotations=instances.json", "dataset.source.images=images",
    "dataset.source.shares={train: 0.5, val: 0.5}",
)  # fmt: skip
TWO_FILES = ("dataset.source.annotations={train: train.json, val: val.json}",)


@pytest.fixture
def prepared(shared, ended, tmp_path):
    """`prepared(case, *overrides)`: what `data.prepare` ended with, and the rows of train and val."""

    def prepared(case: str, *overrides: str):
        root = shared / "data/cases" / case
        if not root.is_dir():
            pytest.skip(f"no {root}")
        run = ended(
            prepare, "prepare", "dataset=coco", "dataset.name=c", f"dataset.source.root={root}", "card=null",
            "codec=default", "workers=1", f"data_root={tmp_path}", *overrides,
        )  # fmt: skip
        assert "Traceback" not in run.err
        manifest = tmp_path / "c/manifest.json"
        files = json.loads(manifest.read_text())["files"] if manifest.is_file() else {}
        rows = [sum(f["rows"] for n, f in files.items() if n.startswith(f"rl/{split}/")) for split in ("train", "val")]
        return run, rows

    return prepared


@pytest.mark.parametrize(
    ("case", "texts"),
    [
        ("04", 8), ("04b", 8), ("06", 8), ("06b", 8), ("10", 7), ("16", 8), ("19b", 8), ("19c", 7), ("25", 8),
        ("tool_01_backslash", 6), ("tool_03_twice", 6), ("tool_04_ids_restart", 12), ("tool_11_string_ids", 6),
        ("tool_13_no_bbox", 6),
    ],
)  # fmt: skip
def test_read(prepared, case, texts):
    run, rows = prepared(case, *ONE_FILE)
    assert run.code == 0, run.err
    assert sum(rows) == texts


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("07", "it fits as x0, y0, x1, y1"),
        ("08", "lies within 0..1; px are expected"),
        ("28", "box_disagrees"),
        ("28b", "box_disagrees"),
        ("39", "ambiguous"),
        ("tool_05_same_image_id", "image id 1 stands for two files, p1.jpg and p1.png"),
        ("tool_07_all_crowd", "dataset.source.crowds=keep"),
    ],
)
def test_refused_with_the_reason(prepared, case, reason):
    run, _ = prepared(case, *ONE_FILE)
    assert run.code == 2 and reason in run.err and "dataset.leakage" not in run.err


def test_two_cameras(prepared, ended, shared, tmp_path):
    run, rows = prepared("01", *TWO_FILES, "dataset.source.images={train: images, val: images}")
    assert (run.code, rows) == (0, [4, 4])


def test_a_copy_in_val_leaks(prepared):
    run, rows = prepared("14", *TWO_FILES, "dataset.source.images={train: train, val: val}")
    assert (run.code, rows) == (0, [3, 4]) and "1 of 4 texts of c dropped" in run.out


@pytest.mark.parametrize("case", ["16", "25"])
def test_perfect_results_score_one(prepared, ended, shared, tmp_path, case):
    prepared(case, *ONE_FILE)
    output, results = tmp_path / "metrics.json", shared / "data/cases" / case / "results.json"
    run = ended(
        evaluate, "evaluate", "dataset=coco", "dataset.name=c", "split=[train,val]", f"data_root={tmp_path}",
        "format=coco", f"predictions={results}", "boundary=null", f"output={output}",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert json.loads(output.read_text())["tasks"]["text2mask"]["metrics"]["gIoU"]["value"] == pytest.approx(1.0)


def test_old_answers_are_refused(prepared, ended, shared, tmp_path):
    prepared("22", *ONE_FILE, "dataset.source.seed=5")
    answers = shared / "data/cases/22/gold.jsonl"
    words = ("dataset=coco", "dataset.name=c", "split=val", f"data_root={tmp_path}", f"predictions={answers}")
    run = ended(evaluate, "evaluate", *words, "boundary=null")
    assert run.code == 2 and run.err.count("\n") == 1


@pytest.fixture
def table(shared, tmp_path, monkeypatch):
    """`table(case, task, columns, **settings)`: what is found in each record of a Hugging Face table, or its BadRow."""
    datasets = pytest.importorskip("datasets", reason="tables of Hugging Face need the package datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def table(case: str, task: str, columns: dict, **settings) -> list[Checked | BadRow]:
        root = shared / "data/cases" / case
        if not root.is_dir():
            pytest.skip(f"no {root}")
        columns = {"image": "image", "expressions": "caption", **columns}
        node = {"name": "t", "path": str(root), "split_names": {"val": "val"}, "columns": columns, **settings}
        source, found = HuggingFace.from_config(node), []
        for number in range(len(source.records("val"))):
            try:
                found.append(source.checked("val", number, task))
            except BadRow as bad:
                found.append(bad)
        return found

    return table


def test_objects_as_a_dict_of_lists(table):
    found = table("17", "text2box", {"box": "bbox"}, each="objects")
    assert [each.expressions for each in found] == [("the red cat",), ("the dog",)] * 4
    assert [round(value * 320) for value in found[1].box[::2]] == [200, 290]


@pytest.mark.parametrize("case", ["18jpeg", "18path"])
def test_masks_as_jpeg_and_by_path(table, case):
    found = table(case, "text2mask", {"segmentation": "mask"})
    assert [coco.area(each.rle) for each in found] == [6400] * 4


def test_boxes_from_0_to_1(table):
    for bad in table("29", "text2box", {"box": "bbox"}, box_format="xyxy"):
        assert bad.reason == "normalised" and "box_range=1" in bad.detail
    found = table("29", "text2box", {"box": "bbox"}, box_format="xyxy", box_range=1.0)
    assert found[0].box == pytest.approx((0.235, 0.186, 0.679, 0.778))


def test_a_placeholder_in_a_caption_is_counted(table):
    found = table("36", "text2mask", {"segmentation": "segmentation"})
    reasons = {number: each.reason for number, each in enumerate(found) if isinstance(each, BadRow)}
    assert reasons == {0: "placeholder", 1: "placeholder", 6: "no_expression"}
    assert "<image>" in found[0].detail and "<|vision_start|>" in found[1].detail
