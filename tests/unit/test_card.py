"""The dataset card: its counts are the rows', its figures the samples', and it is the same however many write it."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from data import card as module
from data.card_facts import figures, row_facts
from data.card_settings import CardSettings
from data.card_text import over_limits
from data.card_tokens import token_figures
from data.prepare import prepare
from data.sample import Sample
from data.statistics import histogram, summary
from polygon import Codec, Point, UserError, rle_encode

ROWS = {"sft/train": 40, "sft/val": 5, "rl/train": 12, "rl/val": 6, "rl/test": 4}
SMALL = ("dataset.sizes.sft={train: 40, val: 5}", "dataset.sizes.rl={train: 12, val: 6, test: 4}")


@pytest.fixture(scope="module")
def config(composed):
    def config(folder: Path, *overrides: str) -> dict:
        cfg = composed("prepare", "dataset=shapes_hard", *SMALL, f"data_root={folder}", *overrides)
        return OmegaConf.to_container(cfg, resolve=True)

    return config


@pytest.fixture(scope="module")
def prepared(config, tmp_path_factory) -> Path:
    return prepare(config(tmp_path_factory.mktemp("data"), "workers=1", "card.rows=10", "card.sheet=7"))


@pytest.fixture(scope="module")
def card(prepared) -> dict:
    return json.loads((prepared / "card.json").read_text())


def sample(mask_HW: np.ndarray, **changes) -> Sample:
    height, width = mask_HW.shape
    facts = {
        "sample_id": "made-train-0000007-text2mask",
        "source": "made",
        "split": "train",
        "task": "text2mask",
        "image": np.zeros((height, width, 3), np.uint8),
        "height": height,
        "width": width,
        "expression": "the old grey dog",
        "prompt_region": None,
        "rle": rle_encode(mask_HW),
        "box": (0.1, 0.1, 0.9, 0.9) if mask_HW.any() else None,
        "image_id": "7",
        "ann_id": "7",
    }
    return Sample(**{**facts, **changes})


@pytest.fixture
def two_parts_HW() -> np.ndarray:
    """Two parts of a sixth and a 75th of the image, a speck of 1 pixel, and a hole in the large one."""
    mask_HW = np.zeros((60, 100), bool)
    mask_HW[10:40, 10:45] = True
    mask_HW[20:25, 20:30] = False
    mask_HW[50:58, 80:90] = True
    mask_HW[2, 2] = True
    return mask_HW


def test_counts_are_those_of_all_rows(prepared, card):
    assert {place: sum(entry["rows"] for entry in entries) for place, entries in card["rows"].items()} == ROWS
    for place, entries in card["rows"].items():
        rows = pq.read_table(prepared / place).to_pylist()
        column = [row.get("sample_id") or row["extra_info"]["sample_id"] for row in rows]
        assert {entry["task"]: entry["rows"] for entry in entries} == Counter(name.split("/")[2] for name in column)
        assert {entry["source"] for entry in entries} == {"shapes_hard"}


def test_costly_figures_are_of_a_sample_and_the_card_says_so(prepared, card):
    assert {place: column["rows_looked_at"] for place, column in card["figures"].items()} == {
        place: min(10, n) for place, n in ROWS.items()
    }
    text = (prepared / "card.md").read_text()
    assert "the first 10 rows of every split" in text
    assert "| sft/train | shapes_hard |" in text
    for place, column in card["figures"].items():
        assert 0.85 < column["oracle_iou"]["mean"] <= 1, place
        assert f"{column['oracle_iou']['mean']:.3f}" in text


def test_the_sheet_shows_as_many_samples_as_asked(prepared):
    sheet_HW3 = cv2.imread(str(prepared / "card.png"))
    assert sheet_HW3.shape == (2 * 282, 6 * 240, 3), "seven samples in rows of six"
    assert sheet_HW3[300, 100].any() and len(np.unique(sheet_HW3[290:, 240:])) == 1, "the last five places are empty"


def test_any_number_of_workers_writes_the_same_card(config, prepared, tmp_path):
    other = prepare(config(tmp_path, "workers=2", "card.rows=10", "card.sheet=7"))
    for name in ("card.json", "card.md", "card.png"):
        assert (other / name).read_bytes() == (prepared / name).read_bytes(), name


def test_an_interrupted_card_is_written_by_the_next_call(config, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "card_text", lambda card: (_ for _ in ()).throw(KeyboardInterrupt))
        prepare(config(tmp_path, "workers=1", "card.rows=1", "card.sheet=0"))
    assert not (tmp_path / "shapes_hard").exists()
    folder = prepare(config(tmp_path, "workers=1", "card.rows=1", "card.sheet=0"))
    assert {path.name for path in folder.iterdir()} == {"card.json", "card.md", "manifest.json", "rl", "sft"}


def test_a_card_can_be_left_out(config, tmp_path):
    folder = prepare(config(tmp_path, "card=null"))
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "rl", "sft"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+card.row=5", "card.row: unknown key; known: rows, "),
        ("~card.sheet", "card.sheet is missing"),
        ("card.rows=0", "card.rows is 0"),
        ("card.sheet=-1", "card.sheet is -1"),
        ("card.max_prompt_length=null", "card.max_prompt_length is None"),
    ],
)
def test_bad_settings_are_named(composed, override, message):
    cfg = composed("prepare", override)
    with pytest.raises(UserError) as failure:
        CardSettings.from_config(OmegaConf.to_container(cfg.card))
    assert message in str(failure.value)


def test_facts_of_a_mask(two_parts_HW):
    codec = Codec(precision=3)
    facts = row_facts(sample(two_parts_HW), "Outline it.", codec.text(two_parts_HW), codec)
    assert (facts.words, facts.parts, facts.holes, facts.vertices) == (4, 2, 1, 16), "the speck is below min_area"
    assert facts.area == pytest.approx(two_parts_HW.mean())
    assert facts.iou == pytest.approx(1 - 1 / two_parts_HW.sum())
    assert facts.has_target and facts.readable


def test_facts_of_other_answers(two_parts_HW):
    codec, empty_HW = Codec(), np.zeros((60, 100), bool)
    nothing = row_facts(sample(empty_HW), "Outline it.", "[]", codec)
    assert (nothing.has_target, nothing.iou, nothing.vertices, nothing.area) == (False, 1.0, 0, None)
    pointed = sample(two_parts_HW, task="point2mask", expression=None, prompt_region=Point(0.5, 0.5))
    assert row_facts(pointed, "Outline it.", codec.text(two_parts_HW), codec).words is None
    boxed = row_facts(sample(two_parts_HW, task="text2box"), "Box it.", "[0.1, 0.1, 0.9, 0.9]", codec)
    assert (boxed.readable, boxed.iou, boxed.vertices, boxed.parts) == (True, None, None, 2)
    without_mask = row_facts(sample(two_parts_HW, task="text2box", rle=None), "Box it.", "[0.1, 0.1, 0.9, 0.9]", codec)
    assert (without_mask.has_target, without_mask.area) == (True, None)
    lost = row_facts(sample(two_parts_HW), "Outline it.", "over there", codec)
    assert (lost.readable, lost.iou) == (False, None)


def test_figures_keep_what_has_no_target_apart(two_parts_HW):
    codec, masks = Codec(), (two_parts_HW, np.zeros((60, 100), bool))
    rows = [row_facts(sample(mask_HW), "Outline it.", codec.text(mask_HW), codec) for mask_HW in masks]
    found = figures([*rows, row_facts(sample(two_parts_HW), "Outline it.", "?", codec)])
    assert (found["rows_looked_at"], found["without_target"], found["unreadable_answers"]) == (3, 1, 1)
    assert found["vertices"] == {"n": 1, "mean": 16.0, "p5": 16.0, "median": 16.0, "p95": 16.0, "max": 16.0}
    assert found["histograms"]["holes"] == {"0": 0, "1": 2, "2": 0, "3 and more": 0}
    assert found["histograms"]["area"]["to 30 %"] == 2
    assert found["histograms"]["expression_words"]["4-5"] == 3


class Characters:
    """Counts characters, and 100 for every image."""

    def prompt(self, question: str, height: int, width: int) -> int:
        return len(question) + 100

    def answer(self, text: str) -> int:
        return len(text)


def test_what_is_over_the_limits_is_counted_and_the_longest_is_named(two_parts_HW):
    texts = {"a": ("12345", "[]"), "b": ("1", "[[[0, 0], [1, 1], [0, 1]]]"), "c": ("123", "[]")}
    rows = [row_facts(sample(two_parts_HW, sample_id=name), *pair, Codec()) for name, pair in texts.items()]
    found = token_figures(rows, Characters(), {"prompt": 102, "answer": 10, "sequence": 128})
    assert (found["prompt"]["over_limit"], found["prompt"]["longest"], found["prompt"]["max"]) == (2, "a", 105.0)
    assert (found["answer"]["over_limit"], found["answer"]["longest"], found["answer"]["median"]) == (1, "b", 2.0)
    assert (found["sequence"]["over_limit"], found["sequence"]["max"]) == (0, 127.0)
    assert over_limits({"figures": {"sft/val": {"tokens": found}}}) == [
        "sft/val: 2 of 3 prompts have more tokens than card.max_prompt_length=102, up to 105 (a): "
        "set vlm.max_prompt_length for training, or shrink the photographs",
        "sft/val: 1 of 3 answers have more tokens than card.max_response_length=10, up to 26 (b): "
        "set vlm.max_response_length for training, or codec.max_vertices here",
    ]
    assert "sequence" not in token_figures(rows, Characters(), {"prompt": 102, "answer": 10})


def test_statistics():
    assert summary([]) is None
    assert summary([1, 2, 3, 10]) == {"n": 4, "mean": 4.0, "p5": 1.15, "median": 2.5, "p95": 8.95, "max": 10.0}
    assert histogram([], {"0": 0, "more": 1}) == {"0": 0, "more": 0}
    assert histogram([0, 0.99, 1, 2, 700], {"0": 0, "1": 1, "more": 2}) == {"0": 2, "1": 1, "more": 2}
