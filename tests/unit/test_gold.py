"""The gold check: rows of a sound dataset pass it, and each thing that spoils a reward is found."""

import json

import numpy as np
import pytest

from data.rows import read_samples
from data.sample import Sample
from evaluation.gold import GoldRow, gold_row, main, report, worst_first
from polygon import Codec, UserError, rle_encode
from rewards import Rewards

RECIPE = {"iou": {"weight": 1}, "distance": {"weight": 0.2}, "format": {"weight": 0.1}}
EVERY_TERM = {**RECIPE, **{name: {"weight": 1} for name in ("length", "box_iou", "point_in_mask")}}
COARSE = Codec(epsilon=0.01, precision=2)


def sample(mask_HW: np.ndarray, task: str = "text2mask", **changes) -> Sample:
    height, width = mask_HW.shape
    facts = {
        "sample_id": f"made-val-0000000-{task}",
        "source": "made",
        "split": "val",
        "task": task,
        "image": b"",
        "height": height,
        "width": width,
        "expression": "it",
        "prompt_region": None,
        "rle": rle_encode(mask_HW),
        "box": (0.1, 0.2, 0.513, 0.777) if mask_HW.any() else None,
        "image_id": "1",
        "ann_id": "1",
    }
    return Sample(**{**facts, **changes})


@pytest.fixture
def disc_HW() -> np.ndarray:
    y, x = np.mgrid[:200, :300]
    return (x - 100) ** 2 + (y - 90) ** 2 < 60**2


def test_every_term_gives_its_maximum_on_prepared_rows(data_root):
    rows = [gold_row(row, Rewards(EVERY_TERM, COARSE)) for row in read_samples(data_root, "shapes", "val")]
    found = report(rows, min_iou=0.9)
    assert found["passed"] and found["rows"] == 6
    assert found["terms"]["format"] == {"n": 6, "mean": 1.0, "min": 1.0, "failed": 0}
    assert found["terms"]["length"]["min"] == 1.0
    assert found["terms"]["iou"]["mean"] == found["oracle_iou"] > 0.9


def test_whole_numbers_get_full_marks_too(disc_HW):
    rewards = Rewards(EVERY_TERM, Codec(integers=True))
    rows = [gold_row(sample(disc_HW, task), rewards) for task in ("text2mask", "text2box", "text2point")]
    assert report(rows, min_iou=0.97)["passed"]
    assert all(row.terms["format"] == 1.0 for row in rows)


def test_boxes_points_and_no_target(disc_HW):
    rewards = Rewards(EVERY_TERM, COARSE)
    boxed, pointed = (gold_row(sample(disc_HW, task), rewards) for task in ("text2box", "text2point"))
    assert boxed.terms == {"format": 1.0, "box_iou": boxed.iou} and 0.97 < boxed.iou < 1
    assert pointed.terms == {"format": 1.0, "point_in_mask": 1.0} and pointed.iou == 1
    nothing = gold_row(sample(np.zeros((20, 30), bool)), rewards)
    assert nothing.iou == 1 and set(nothing.terms.values()) == {1.0}
    assert gold_row(sample(disc_HW, "text2box", rle=None), rewards) == boxed
    assert not any(row.any_failed for row in (boxed, pointed, nothing))


def test_a_threshold_above_what_the_codec_reaches_is_found(disc_HW):
    row = gold_row(sample(disc_HW), Rewards({**RECIPE, "iou": {"weight": 1, "threshold": 0.999}}, COARSE))
    assert row.terms["iou"] == 0 and row.failed("iou") and not row.failed("format") and not row.failed("length")
    found = report([row], min_iou=0)
    assert (found["passed"], found["failed"], found["terms"]["iou"]["failed"]) == (False, 1, 1)


def test_an_outline_too_long_for_the_parser_is_found():
    specks_HW = np.random.default_rng(0).random((120, 120)) < 0.2
    row = gold_row(sample(specks_HW), Rewards(RECIPE, Codec(epsilon=0.0, min_area=0)))
    assert (row.iou, set(row.terms.values()), row.any_failed) == (0.0, {0.0}, True)


def test_a_codec_that_does_not_suit_the_data_is_found(disc_HW):
    row = gold_row(sample(disc_HW), Rewards(RECIPE, Codec(epsilon=0.2)))
    assert row.iou < 0.9 and not row.any_failed, "no term loses more than the codec"
    assert not report([row], min_iou=0.9)["passed"]


def test_worst_rows_come_first():
    kept, lossy, broken = (
        GoldRow(name, "text2mask", iou, {"iou": value})
        for name, iou, value in (("kept", 1.0, 1.0), ("lossy", 0.7, 0.7), ("broken", 0.9, 0.8))
    )
    assert [row.sample_id for row in worst_first([kept, lossy, broken])] == ["broken", "lossy", "kept"]


def test_nothing_to_check_is_an_error():
    with pytest.raises(UserError, match="no row to check"):
        report([], 0.9)


def test_command_prints_the_worst_and_says_how_it_ended(ended, data_root, tmp_path):
    common = (f"data_root={data_root}", "codec=coarse", "worst=2")
    passed = ended(main, "gold", *common, f"output={tmp_path / 'gold.json'}")
    assert (passed.code, passed.err) == (0, "")
    found = json.loads((tmp_path / "gold.json").read_text())
    assert (found["rows"], found["passed"], len(found["worst"])) == (6, True, 2)
    assert found["worst"][0]["sample_id"] in passed.out and passed.out.splitlines()[-1].startswith("passed: ")
    assert passed.out.count("shapes/val/") == 2

    failed = ended(main, "gold", *common, "min_iou=0.9999")
    assert (failed.code, failed.err) == (1, "")
    assert failed.out.splitlines()[-1].startswith("FAILED: mean oracle IoU 0.9")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["split=testX"], "has no split 'testX'"),
        (["limit=0"], "limit is 0"),
        (
            ["rewards.iou=null", "rewards.distance=null", "rewards.format=null", "rewards.box_iou.weight=1"],
            "none of box_iou",
        ),
    ],
)
def test_command_ends_with_one_line_on_bad_input(ended, data_root, overrides, message):
    run = ended(main, "gold", f"data_root={data_root}", *overrides)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("error: ") and run.err.count("\n") == 1 and message in run.err
