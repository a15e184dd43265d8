"""Real photographs, of any size, go all the way: COCO json -> parquet -> SFT -> GSPO -> answers -> scores."""

import json

import pytest

CHOSEN = ("dataset=coco", "dataset.name=coco_dev")


@pytest.fixture(scope="module")
def folder(command, coco_dev, tmp_path_factory):
    """Every object of coco_dev that its category singles out."""
    folder = tmp_path_factory.mktemp("coco")
    sizes = "dataset.sizes={sft: {train: null, val: 32}, rl: {train: null, val: 24}}"
    command("data.prepare", *coco_dev, f"data_root={folder / 'data'}", sizes, "card.rows=100")
    return folder


def test_card(folder):
    card = json.loads((folder / "data/coco_dev/card.json").read_text())
    rows = {place: sum(entry["rows"] for entry in entries) for place, entries in card["rows"].items()}
    assert rows["sft/train"] == rows["rl/train"] > 800
    figures = card["figures"]["rl/train"]
    assert figures["rows_looked_at"] == 100 and figures["unreadable_answers"] == 0
    assert figures["oracle_iou"]["mean"] > 0.85, "two decimals are six pixels of these photographs"
    assert sum(figures["histograms"]["parts"].values()) == 100


def test_gold_answers_get_full_marks(command, folder):
    said = command("evaluation.gold", *CHOSEN, f"data_root={folder / 'data'}", "codec=coarse", "min_iou=0.8")
    assert said.splitlines()[-1].startswith("passed: ")


def test_the_tiny_model_trains_and_answers(pipeline, folder):
    """Its vocabulary lacks most words of these expressions: they take a token a byte, hence longer prompts."""
    found = pipeline(folder, CHOSEN, "vlm.max_prompt_length=96")
    assert 0 < found["sft"]["train/loss"] < 20
    assert found["rl"]["rollout_actor/log_prob_gap"] < 1e-4
    assert found["evaluation"]["samples"] == 24
