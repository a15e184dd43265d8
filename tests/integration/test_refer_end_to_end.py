"""A folder of REFER datasets, made here, goes all the way: pickles -> parquet -> SFT -> GSPO -> answers -> scores."""

import json

import pytest

SERIES = "dataset=refcoco_series"
SIZES = "dataset.sizes={sft: {train: 24, val: 4}, rl: {train: 16, val: 6}}"


@pytest.fixture(scope="module")
def folder(command, refer_folder, tmp_path_factory):
    """All four datasets of the series, prepared with referenced photographs."""
    folder = tmp_path_factory.mktemp("refer")
    common = (SERIES, f"dataset.source.root={refer_folder}", f"data_root={folder / 'data'}", SIZES)
    command("data.prepare", *common, "card.rows=20", "card.sheet=6")
    return folder


def test_prepared_rows_are_of_the_whole_series_and_leak_free(folder):
    prepared = folder / "data/refcoco_series"
    card = json.loads((prepared / "card.json").read_text())
    counted = card["rows"]["sft/train"] + card["rows"]["rl/train"]
    assert {entry["source"] for entry in counted} == {"refcoco", "refcoco_plus", "refcocog", "refclef"}
    assert sum(entry["rows"] for entry in counted) == 40
    assert all(column["oracle_iou"]["mean"] > 0.9 for column in card["figures"].values())
    problems = json.loads((prepared / "problems.json").read_text())
    assert problems["leakage"]["splits"]["train"]["refcoco"]["texts"] > 0
    assert problems["splits"]["train"]["bad texts"] == 0


def test_gold_answers_get_full_marks(command, folder):
    said = command("evaluation.gold", SERIES, f"data_root={folder / 'data'}", "codec=coarse")
    assert said.splitlines()[-1].startswith("passed: ")


def test_the_tiny_model_trains_and_answers(pipeline, folder):
    found = pipeline(folder, (SERIES,))
    assert 0 < found["sft"]["train/loss"] < 10
    assert found["rl"]["actor/grad_norm"] >= 0
    assert found["rl"]["rollout_actor/log_prob_gap"] < 1e-4
    assert found["evaluation"]["samples"] == 6
    metrics = found["evaluation"]["tasks"]["text2mask"]["metrics"]
    assert 0 <= metrics["gIoU"]["value"] <= 1
