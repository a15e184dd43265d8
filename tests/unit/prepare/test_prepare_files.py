"""`data.prepare` on annotated files: what is wrong is named, what leaks is left out, and the rest is written once."""

import json
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from data.checked import check
from data.prepare import prepare
from data.rows import read_samples
from polygon import UserError

HEIGHT, WIDTH = 40, 60  # of the images in conftest.py


def problems(folder: Path) -> dict:
    return json.loads((folder / "problems.json").read_text())


def texts(folder: Path, split: str) -> list[tuple[str, str, str]]:
    extras = pq.read_table(folder / split)["extra_info"].to_pylist()
    return [(extra["image_id"], extra["ann_id"], extra["expression"]) for extra in extras]


def test_every_text_comes_once_and_no_more_rows_than_there_are(tmp_path, rows, config):
    folder = prepare(config(tmp_path, rows, leakage="keep"))
    sft = pq.read_table(folder / "sft/train").to_pylist()
    assert len(sft) == 60
    assert {row["sample_id"].split("/")[2] for row in sft} == {"text2mask", "text2box", "point2mask"}
    assert len(texts(folder, "rl/val")) == len(set(texts(folder, "rl/val"))) == 12
    drawn = texts(folder, "rl/train")
    assert len(drawn) == len(set(drawn)) == 60
    assert [path.name for path in sorted((folder / "rl/train").iterdir())][-1] == "00003-of-00004.parquet"
    assert problems(folder)["notes"] == ["rl/train: 100 rows asked for, 60 written: there are no more texts"]


@pytest.mark.parametrize("images", ["referenced", "embedded"])
def test_rows_of_what_was_found_are_those_of_looking_at_every_record_again(
    tmp_path, rows, monkeypatch, images, config, contents
):
    rows[0] |= {"segmentations": [], "box_px": None, "n_objects": 0}
    rows[2] |= {"n_objects": 2, "box_px": None}
    run_lengths = {"size": [HEIGHT, WIDTH], "counts": [50, 300, HEIGHT * WIDTH - 350]}
    rows[4] |= {"segmentations": [run_lengths], "box_px": None}
    rows[6]["image"] = str(tmp_path / "000000000003.png")
    cv2.imwrite(rows[6]["image"], np.full((HEIGHT, WIDTH), 40_000, np.uint16))
    found = contents(prepare(config(tmp_path, rows, images=images)))

    def look_again(self, split: str, number: int, task: str):
        return check(self.records(split)[number], task, decode=True)

    monkeypatch.setattr("data.validated.Validated.checked", look_again)
    assert contents(prepare(config(tmp_path, rows, images=images), force=True)) == found


@pytest.mark.parametrize("images", ["referenced", "embedded"])
def test_rows_read_back_with_their_image(tmp_path, rows, images, config):
    grey_16 = tmp_path / "000000000021.png"
    cv2.imwrite(str(grey_16), np.full((HEIGHT, WIDTH), 40_000, np.uint16))
    for row in rows:
        row["image"] = row["image"].replace("000000000021.jpg", grey_16.name)
    folder = prepare(config(tmp_path, rows, images=images))
    cells = [row["images"][0] for row in pq.read_table(folder / "sft/val").to_pylist()]
    assert {tuple(cell) for cell in cells} == {("image",) if images == "referenced" else ("bytes",)}
    samples = list(read_samples(tmp_path / "data", "listed", "val"))
    assert len(samples) == 12
    for sample in samples:
        number = int(sample.image_id[-12:])
        assert abs(int(sample.pixels()[20, 30, 0]) - (156 if number == 21 else 20 * number % 256)) < 3
        assert sample.target().mask.sum() == (12 + number % 5) ** 2
    assert problems(folder)["splits"]["val"]["records with a converted image"] == {"16-bit": 2}


def test_leaking_texts_are_left_out_counted_and_reported(tmp_path, rows, config):
    kept = prepare(config(tmp_path, rows, leakage="keep"))
    held_out = {"coco/000000000018", "coco/000000000019"}
    assert held_out < {image for image, _, _ in texts(kept, "rl/train")}
    counts = {"of texts": 60, "texts": 6, "images": 2, "texts by split": {"a val": 6}}
    assert problems(kept)["leakage"] == {"done": "kept", "splits": {"train": {"a": counts}}}
    folder = prepare(config(tmp_path, rows))
    assert not held_out & {image for image, _, _ in texts(folder, "rl/train")}
    assert len(pq.read_table(folder / "sft/train")) == 54
    assert len(texts(folder, "rl/val")) == 12
    assert problems(folder)["leakage"]["done"] == "dropped"


def test_another_datasets_held_out_images_count_too(tmp_path, rows, rows_of, config):
    other = rows_of(tmp_path, "b", "testA", range(3)) + rows_of(tmp_path, "b", "train", range(3, 9))
    (tmp_path / "other.json").write_text(json.dumps(other))
    against = [{"kind": "listed", "file": str(tmp_path / "other.json")}]
    folder = prepare(config(tmp_path, rows, leakage_against=against))
    assert problems(folder)["leakage"]["splits"]["train"]["a"]["texts by split"] == {"a val": 6, "b testA": 9}
    assert len(pq.read_table(folder / "sft/train")) == 45


def broken(rows: list[dict], tmp_path: Path) -> dict[str, int]:
    """Break seven of the 24 records; returns the texts that are lost, by reason."""
    (tmp_path / "torn.jpg").write_bytes(Path(rows[0]["image"]).read_bytes()[:-300])
    rows[0]["image"] = str(tmp_path / "gone.jpg")
    rows[2]["image"] = str(tmp_path / "torn.jpg")
    rows[4]["width"] = WIDTH + 1
    rows[6]["segmentations"] = [[[500, 4, 520, 4, 520, 24]]]
    rows[8]["segmentations"] = [[[1, 1, 2, 2]]]
    rows[10]["problem"] = ["duplicate_id", "annotation 50 occurs twice"]
    rows[12]["expressions"] = []
    expected = ("missing_image", "undecodable_image", "size_mismatch", "outside_image", "empty_mask", "duplicate_id")
    return {**dict.fromkeys(expected, 2), "no_expression": 1}


def test_bad_records_are_counted_by_reason_and_listed(tmp_path, rows, config):
    lost = broken(rows, tmp_path)
    folder = prepare(config(tmp_path, rows, max_bad_share=0.3, leakage="keep"))
    report = problems(folder)
    assert report["splits"]["train"]["bad texts by reason"] == lost
    assert {row["reason"] for row in report["bad"]} == lost.keys()
    assert next(row for row in report["bad"] if row["reason"] == "missing_image")["image"] == rows[0]["image"]
    assert len(pq.read_table(folder / "sft/train")) == 59 - 13
    assert len(texts(folder, "rl/train")) == 59 - 13


def test_too_many_bad_records_end_the_run_before_anything_is_replaced(tmp_path, rows, config, contents):
    before = contents(prepare(config(tmp_path, rows)))
    broken(rows, tmp_path)
    with pytest.raises(UserError) as failure:
        prepare(config(tmp_path, rows, max_bad_share=0.2))
    message = str(failure.value)
    assert message.startswith("listed: 13 of 59 texts of train cannot be used, more than max_bad_share=0.2: ")
    for part in (
        f"2 missing_image ({tmp_path}/gone.jpg: No such file",
        "1 no_expression",
        "expected: a list of records",
    ):
        assert part in message
    assert contents(tmp_path / "data/listed") == before
    listed = tmp_path / "data/listed.problems.json"
    assert str(listed) in message
    assert len(json.loads(listed.read_text())["bad"]) == 7
    prepare(config(tmp_path, rows, max_bad_share=0.3))
    assert not listed.exists()


def test_boxes_alone_serve_the_box_task_and_no_other(tmp_path, rows, config):
    for row in rows:
        row["segmentations"] = []
    with pytest.raises(UserError, match=r"60 no_mask .*text2box can"):
        prepare(config(tmp_path, rows))
    boxes = {"weights": {"text2box": 1}}
    folder = prepare(config(tmp_path, rows, task=boxes, rl_task=boxes))
    assert {row["ability"] for row in pq.read_table(folder / "rl/val").to_pylist()} == {"text2box"}
    assert len(list(read_samples(tmp_path / "data", "listed", "val"))) == 12


def test_the_files_are_the_same_for_any_number_of_workers(tmp_path, rows, config, contents):
    broken(rows, tmp_path)
    one, two, other = (
        contents(prepare(config(tmp_path, rows, max_bad_share=0.3, workers=workers, data_root=str(tmp_path / name))))
        for name, workers in (("one", 1), ("two", 2), ("three", 3))
    )
    assert one == two == other
    changed = config(tmp_path, rows, max_bad_share=0.3)
    changed["dataset"]["source"]["seed"] = 4
    assert contents(prepare(changed))["sft/train/00000-of-00003.parquet"] != one["sft/train/00000-of-00003.parquet"]


def test_changed_annotations_are_prepared_again(tmp_path, rows, config):
    folder = prepare(config(tmp_path, rows))
    rows[0]["expressions"] = ["the first"]
    prepare(config(tmp_path, rows))
    assert len(pq.read_table(folder / "sft/train")) == 53
