"""Every degenerate case by every preset: two draws of each kind of answer, with a target and without.

What is expected is written out here, with no formula of the evaluators; sums are taken over the cases themselves.
"""

from itertools import product

import numpy as np
import pytest

from data.sample import Sample
from evaluation import Prediction, evaluate
from evaluation.conventions import Conventions
from evaluation.statistics.scores import estimate
from polygon import Codec, rle_encode

SIDE = 512  # at which polyformer's preset compares masks
CODEC = Codec()
PRESETS = ("simpleseg", "lisa", "text4seg", "polyformer")
EMPTY_UNION = {"simpleseg": 1.0, "lisa": 1.0, "text4seg": 1.0, "polyformer": 0.0}
NO_BOX = EMPTY_UNION | {"text4seg": 0.0}  # Acc@0.5 where no box is answered and none is there


def square(start, stop):
    mask_HW = np.zeros((SIDE, SIDE), bool)
    mask_HW[start:stop, start:stop] = True
    return mask_HW


RIGHT, WRONG = square(100, 200), square(300, 340)
TEXTS = {"right": CODEC.text(RIGHT), "wrong": CODEC.text(WRONG), "empty": "[]", "unreadable": "no idea", "missing": ""}
AREAS = {"right": 100 * 100, "wrong": 40 * 40}
CASES = list(product(TEXTS, TEXTS, (True, False)))


def case(number, is_there):
    side = 100 / SIDE
    return Sample(
        sample_id=f"case {number}",
        source="made",
        split="val",
        task="text2mask",
        image=b"",
        height=SIDE,
        width=SIDE,
        expression="a square",
        prompt_region=None,
        rle=rle_encode(RIGHT & is_there),
        box=(side, side, 2 * side, 2 * side) if is_there else None,
        image_id=str(number),
        ann_id=str(number),
    )


def expected(preset, answer, is_there):
    """(IoU and every hit, intersection, union, N-acc or T-acc) of one answer."""
    truth, predicted = AREAS["right"] * is_there, AREAS.get(answer, 0)
    inside = AREAS["right"] if answer == "right" and is_there else 0
    areas = (inside, truth + predicted - inside)
    if is_there:
        return float(answer == "right"), *areas, float(answer in AREAS)
    is_empty = answer == "empty" or (answer in ("unreadable", "missing") and preset != "simpleseg")
    return EMPTY_UNION[preset] * is_empty, *areas, float(is_empty)


@pytest.mark.parametrize("preset", PRESETS)
def test_degenerate_answers(preset, composed):
    samples = [case(number, is_there) for number, (*_, is_there) in enumerate(CASES)]
    predictions = [
        Prediction(f"case {number}", TEXTS[answer], draw)
        for number, (*answers, _) in enumerate(CASES)
        for draw, answer in enumerate(answers)
        if answer != "missing"
    ]
    conventions = Conventions.from_config(composed("evaluate", f"conventions={preset}").conventions)
    found = evaluate(predictions, samples, CODEC, conventions=conventions, allow_missing=True)
    task = found.tasks["text2mask"]
    rows_S4 = np.array(
        [np.mean([expected(preset, answer, there) for answer in answers], axis=0) for *answers, there in CASES]
    )
    ious, intersections, unions, accuracies = rows_S4.T
    assert found.n_missing == 20
    for metric in ("gIoU", "Prec@0.5", "Prec@0.9"):
        assert task.columns[metric].tolist() == ious.tolist(), metric
    is_there_S = np.array([is_there for *_, is_there in CASES])
    hits = ious if NO_BOX[preset] == EMPTY_UNION[preset] else np.where(is_there_S, ious, NO_BOX[preset])
    assert task.columns["Acc@0.5"].tolist() == hits.tolist()
    assert (task.columns["intersection_px"].tolist(), task.columns["union_px"].tolist()) == (
        intersections.tolist(),
        unions.tolist(),
    )
    assert task.columns["T-acc"][is_there_S].tolist() == accuracies[is_there_S].tolist()
    assert task.columns["N-acc"][~is_there_S].tolist() == accuracies[~is_there_S].tolist()
    assert np.isnan([task.columns["T-acc"][~is_there_S], task.columns["N-acc"][is_there_S]]).all()
    assert estimate([task], "gIoU").value == pytest.approx(ious.mean())
    assert estimate([task], "mIoU").value == pytest.approx(ious[is_there_S].mean())
    assert estimate([task], "cIoU").value == pytest.approx(intersections.sum() / unions.sum())


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_but_empty_unions(preset, composed):
    conventions = Conventions.from_config(composed("evaluate", f"conventions={preset}").conventions)
    task = evaluate([Prediction("case 0", "[]")], [case(0, False)], CODEC, conventions=conventions).tasks["text2mask"]
    assert estimate([task], "gIoU").value == estimate([task], "cIoU").value == EMPTY_UNION[preset]
    assert np.isnan(estimate([task], "mIoU").value)
