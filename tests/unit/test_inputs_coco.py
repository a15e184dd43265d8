"""COCO results as answers: which row answers which sample, and rows that nobody should trust."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_answers import coco_predictions, read_image_files
from evaluation.inputs.coco_results import read_detections
from evaluation.inputs.sample_facts import SampleFacts
from evaluation.prediction import Prediction
from polygon import Box, UserError, mask_iou, parse, rle_decode, rle_encode

HEIGHT, WIDTH = 40, 60
FACTS = {
    "dog": SampleFacts("mask", HEIGHT, WIDTH, "coco/000000000042"),
    "cat": SampleFacts("mask", HEIGHT, WIDTH, "coco/000000000042"),
    "sky": SampleFacts("mask", HEIGHT, WIDTH, "mine/holiday.1.png"),
}


def square(left: int, top: int, side: int = 8) -> list[int]:
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def painted(left: int, top: int, side: int = 8) -> np.ndarray:
    mask_HW = np.zeros((HEIGHT, WIDTH), bool)
    mask_HW[top : top + side, left : left + side] = True
    return mask_HW


def uncompressed(mask_HW: np.ndarray) -> dict:
    """COCO's run lengths as a list: column by column, zeros first."""
    flat = mask_HW.T.ravel()
    ends = [*np.flatnonzero(np.diff(flat)) + 1, flat.size]
    counts = np.diff([0, *ends]).tolist()
    return {"size": list(mask_HW.shape), "counts": [0, *counts] if flat[0] else counts}


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., tuple[dict[str, Prediction], BadRows]]:
    """`answers(rows, facts, **settings)`: predictions by sample id, and what was left out."""

    def answers(rows: object, facts: dict = FACTS, **settings) -> tuple[dict[str, Prediction], BadRows]:
        file, bad = tmp_path / "results.json", BadRows()
        file.write_text(rows if isinstance(rows, str) else json.dumps(rows))
        return {found.sample_id: found for found in coco_predictions(file, facts, bad, **settings)}, bad

    return answers


@pytest.mark.parametrize("form", ["polygon", "compressed", "uncompressed"])
def test_every_form_of_a_segmentation_is_the_same_mask(form, answers):
    mask_HW = painted(4, 16)
    forms = {"polygon": [square(4, 16)], "compressed": rle_encode(mask_HW), "uncompressed": uncompressed(mask_HW)}
    found, bad = answers([{"sample_id": "dog", "segmentation": forms[form], "score": 0.5}])
    assert (rle_decode(found["dog"].rle) == mask_HW).all()
    assert found["dog"].score == 0.5
    assert not bad.counts
    assert (found["cat"].text, found["cat"].rle) == ("[]", None), "nothing was found there, which is an answer"


@pytest.mark.parametrize(
    "image_id", [42, "42", "COCO_val2014_000000000042.jpg", "000000000042.jpg", "coco/000000000042"]
)
def test_an_image_is_known_by_number_or_name(image_id, answers):
    found, _ = answers([{"image_id": image_id, "segmentation": [square(4, 4)]}])
    assert found["dog"].rle == found["cat"].rle == rle_encode(painted(4, 4)), "it answers every question on its image"
    assert found["sky"].rle is None
    found, _ = answers([{"image_id": "holiday.1.png", "segmentation": [square(4, 4)]}])
    assert found["sky"].rle is not None


def test_numbers_that_mean_nothing_are_looked_up(answers, tmp_path):
    file = tmp_path / "instances.json"
    file.write_text(
        json.dumps({"images": [{"id": 7, "file_name": "photos/holiday.1.png"}, {"id": 42, "file_name": "x"}]})
    )
    rows = [{"image_id": number, "bbox": [0, 0, 6, 4]} for number in (7, 42)]
    found, bad = answers(rows, image_files=read_image_files(file))
    assert parse(found["sky"].text, "box").region == Box(0, 0, 0.1, 0.1)
    assert (found["dog"].text, bad.counts) == ("[]", {"unknown_image": 1})
    with pytest.raises(UserError, match=r"cannot read coco\.images="):
        read_image_files(tmp_path / "nothing")
    file.write_text("[]")
    with pytest.raises(UserError, match=r"is no COCO file with `images`"):
        read_image_files(file)


def test_the_best_row_answers_or_all_of_them(answers):
    rows = [
        {"sample_id": "dog", "score": s, "segmentation": [square(x, 4)]} for x, s in ((4, 0.2), (20, 0.9), (40, 0.6))
    ]
    best, both, none = painted(20, 4), painted(20, 4) | painted(40, 4), np.zeros((HEIGHT, WIDTH), bool)
    for settings, expected in (({}, best), ({"keep": "all", "min_score": 0.6}, both), ({"min_score": 0.95}, none)):
        dog = answers(rows, **settings)[0]["dog"]
        assert (rle_decode(dog.rle) == expected).all() if expected.any() else dog.text == "[]"


def test_a_box_is_asked_for(answers):
    facts = {"dog": SampleFacts("box", HEIGHT, WIDTH, "coco/000000000042")}
    rows = [{"image_id": 42, "segmentation": [square(6, 4, 12)], "score": 0.4}, {"image_id": 42, "bbox": [0, 0, 6, 4]}]
    for chosen, box in ((rows[:1], Box(0.1, 0.1, 0.3, 0.4)), (rows, Box(0, 0, 0.1, 0.1))):
        assert parse(answers(chosen, facts)[0]["dog"].text, "box").region == box
    empty = {"image_id": 42, "segmentation": rle_encode(np.zeros((HEIGHT, WIDTH), bool))}
    found, bad = answers([empty], facts)
    assert found["dog"].text == ""
    assert bad.in_words() == "1 row left out: 1 bad_mask (row 1: its mask is empty, so it has no box)"


FAR = 1e9  # pycocotools would ask for this much memory
SHORT = {"size": [HEIGHT, WIDTH], "counts": ""}  # pycocotools would show what its memory held before
BAD_MASKS = [
    [[1, 2, 3, 4]],
    [[0, 0, FAR, 0, FAR, FAR]],
    [[float("nan")] * 6],
    [["a"] * 6],
    [{}],
    [[]],
    "polygon",
    SHORT,
    SHORT | {"counts": "zz~"},
    SHORT | {"counts": "o" * 10_000},
    SHORT | {"counts": 5},
    SHORT | {"counts": None},
    SHORT | {"counts": [HEIGHT, WIDTH]},
    SHORT | {"counts": [-1, 1 + HEIGHT * WIDTH]},
    {"counts": [HEIGHT * WIDTH]},
    {"size": [WIDTH, HEIGHT], "counts": [HEIGHT * WIDTH]},
    rle_encode(np.ones((4, 4), bool)),
]


@pytest.mark.parametrize("segmentation", BAD_MASKS, ids=lambda segmentation: repr(segmentation)[:40])
def test_a_mask_that_is_none_is_named_and_the_next_best_row_answers(segmentation, answers):
    rows = [
        {"sample_id": "dog", "segmentation": segmentation, "score": 0.9},
        {"sample_id": "dog", "segmentation": [square(4, 4)], "score": 0.1},
    ]
    found, bad = answers(rows)
    assert mask_iou(rle_decode(found["dog"].rle), painted(4, 4)) == 1.0
    assert bad.counts.total() == 1
    assert bad.in_words().startswith(("1 row left out: 1 bad_mask (row 1: ", "1 row left out: 1 bad_row (row 1: "))


@pytest.mark.parametrize(
    ("row", "reason", "said"),
    [
        (5, "bad_row", "row 2: 'int' object has no attribute 'get'"),
        ({"image_id": 42}, "bad_row", "row 2: neither a segmentation nor a bbox"),
        ({"bbox": [1, 2, 3, 4]}, "bad_row", "row 2: image_id is None, no id"),
        ({"image_id": 42, "bbox": [1, 2, 3]}, "bad_row", "row 2: bbox is [1, 2, 3], not x, y, width, height"),
        ({"image_id": 42, "bbox": [1, 2, -3, 4]}, "bad_row", "row 2: bbox [1.0, 2.0, -3.0, 4.0] is no box"),
        ({"image_id": 42, "bbox": [1, float("inf"), 3, 4]}, "bad_row", "bbox is inf, no number"),
        ({"image_id": 42, "bbox": [1, 10**400, 3, 4]}, "bad_row", "no number"),
        ({"image_id": 42, "bbox": [1, 2, 3, 4], "score": None}, "bad_row", "row 2: score is None, no number"),
        ({"image_id": 43, "bbox": [1, 2, 3, 4]}, "unknown_image", "row 2: the split has no image 43"),
        ({"sample_id": "who", "bbox": [1, 2, 3, 4]}, "unknown_sample", "row 2: the split has no sample 'who'"),
        ({"sample_id": [], "bbox": [1, 2, 3, 4]}, "bad_row", "row 2: sample_id is []"),
    ],
)
def test_bad_rows_are_counted_and_named(row, reason, said, answers):
    found, bad = answers([{"image_id": 42, "segmentation": [square(4, 4)], "score": 1}, row])
    assert found["dog"].rle is not None
    assert bad.counts == {reason: 1}
    assert said in bad.in_words()


def test_files_that_are_no_results(answers):
    for content, said in (
        ("{torn", "is no whole JSON file"),
        ("[" * 9999, "is no whole JSON"),
        ({"a": 1}, "holds no list"),
    ):
        with pytest.raises(UserError, match=said):
            answers(content)
    with pytest.raises(
        UserError, match=r"no row is about an image of the split, which has 'coco/0+42', .* \(row 1: the"
    ):
        answers([{"image_id": 1, "bbox": [0, 0, 1, 1]}])
    assert answers({"annotations": [{"image_id": 42, "bbox": [0, 0, 6, 4]}]})[0]["dog"].text != "[]"


def test_the_example_results_of_cocoapi_are_read_whole(shared):
    folder = shared / "data" / "ref_text" / "cocoapi_results"
    file = folder / "instances_val2014_fakesegm100_results.json"
    if not file.is_file():
        pytest.skip(f"no {file.name} in the shared data")
    bad = BadRows()
    rows = list(read_detections(file, bad))
    assert len(rows) == 734
    assert not bad.counts
    sizes = {row.image_id: row.segmentation["size"] for row in rows}
    facts = {str(image): SampleFacts("mask", *size, f"coco/{image:012d}") for image, size in sizes.items()}
    for found in coco_predictions(file, facts, bad):
        best = max((row for row in rows if row.image_id == int(found.sample_id)), key=lambda row: row.score)
        assert (found.score, mask_iou(rle_decode(found.rle), rle_decode(best.segmentation))) == (best.score, 1.0)
    assert not bad.counts


@pytest.mark.parametrize(
    "segmentation",
    [
        [[[4, 4], [12, 4], [12, 12], [4, 12]]],
        [[4, 4], [12, 4], [12, 12], [4, 12]],
        [[str(value) for value in square(4, 4)]],
        [square(4, 4), [1, 2]],
        square(4, 4),
    ],
)
def test_results_are_read_by_the_rules_of_annotations(segmentation, answers):
    found, bad = answers([{"image_id": "42", "segmentation": segmentation, "score": "0.5"}])
    assert mask_iou(rle_decode(found["dog"].rle), painted(4, 4)) == 1.0
    assert found["dog"].score == 0.5 and not bad.counts


def test_boxes_of_another_convention_end_it(answers):
    facts = {f"dog {n}": SampleFacts("mask", HEIGHT, WIDTH, "coco/000000000042") for n in range(4)}
    rows = [{"sample_id": each, "segmentation": [square(12, 12)], "bbox": [12, 12, 20, 20]} for each in facts]
    with pytest.raises(UserError, match=r"4 of 4 rows have a bbox .* it fits as x0, y0, x1, y1"):
        answers(rows, facts)
    right = rows[0] | {"bbox": [12, 12, 8, 8]}
    answers([*rows[:2], right | {"sample_id": "dog 2"}, right | {"sample_id": "dog 3"}], facts)


def test_a_box_in_fractions_is_none(answers):
    facts = {"dog": SampleFacts("box", HEIGHT, WIDTH, "coco/000000000042")}
    found, bad = answers([{"image_id": 42, "bbox": [0.1, 0.1, 0.2, 0.2]}], facts)
    assert found["dog"].text == "" and "lies within 0..1" in bad.in_words()
