"""From predictions and samples to scores: gold answers, draws, missing and unknown ones."""

import math
from dataclasses import replace

import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, evaluate
from evaluation.measures.boundary import BoundarySettings
from evaluation.statistics.scores import estimate
from evaluation.statistics.slices import SLICES
from polygon import Box, Codec, UserError, rle_decode

CODEC = Codec()
TASKS = ("text2mask", "text2box", "text2point")
SAMPLES = [Shapes().sample("val", index, TASKS[index % 3]) for index in range(12)]


def gold(sample, draw=0):
    return Prediction(sample.sample_id, CODEC.format(answer_region(sample, CODEC)), draw=draw, tokens=40, finish="stop")


def value(scores, task, metric):
    return estimate([scores.tasks[task]], metric).value


def test_gold_answers_score_full_marks():
    scores = evaluate(map(gold, SAMPLES), SAMPLES, CODEC)
    assert value(scores, "text2mask", "gIoU") > 0.95
    assert value(scores, "text2mask", "cIoU") > 0.95
    assert value(scores, "text2box", "mIoU") > 0.95
    for task, metric in [("text2mask", "Acc@0.5"), ("text2mask", "Prec@0.9"), ("text2point", "hit rate")]:
        assert value(scores, task, metric) == 1.0
    for task in TASKS:
        assert len(scores.tasks[task].sample_ids) == 4
        assert value(scores, task, "parse failures") == value(scores, task, "cut at the token limit") == 0.0
        assert value(scores, task, "tokens") == 40.0


def test_answers_are_read_in_the_codecs_numbers():
    codec = Codec(integers=True)
    texts = [codec.format(answer_region(sample, codec)) for sample in SAMPLES]
    assert "0." not in texts[0]
    answers = [Prediction(sample.sample_id, text) for sample, text in zip(SAMPLES, texts, strict=True)]
    scores = evaluate(answers, SAMPLES, codec)
    assert value(scores, "text2mask", "gIoU") > 0.95
    assert value(scores, "text2point", "hit rate") == value(scores, "text2box", "Acc@0.5") == 1.0


def test_parse_failures_are_counted_by_cause():
    masks = SAMPLES[::3]
    texts = ["sorry", "", CODEC.format(answer_region(masks[2], CODEC)), "[0.1, 0.2]"]
    answers = [Prediction(sample.sample_id, text) for sample, text in zip(masks, texts, strict=True)]
    scores = evaluate(answers, masks, CODEC)
    assert value(scores, "text2mask", "parse failures") == 0.75
    causes = [metric for metric in scores.tasks["text2mask"].metrics if "failures:" in metric]
    assert causes == [f"parse failures: {cause}" for cause in ("empty", "no_answer", "wrong_kind")]
    assert {value(scores, "text2mask", cause) for cause in causes} == {0.25}
    assert value(scores, "text2mask", "gIoU") == pytest.approx(0.25, abs=0.02)
    assert estimate([scores.tasks["text2mask"]], "vertices").n == 1
    assert math.isnan(value(scores, "text2mask", "tokens"))


def test_draws_are_averaged_within_a_sample_first():
    masks = SAMPLES[:6:3]
    answers = [gold(sample, draw) for sample in masks for draw in range(4)]
    answers[0] = Prediction(masks[0].sample_id, "?", draw=0)
    scores = evaluate(answers, masks, CODEC)
    assert (scores.n_samples, scores.n_draws) == (2, 4)
    columns = scores.tasks["text2mask"].columns
    assert columns["Acc@0.5"].tolist() == columns["strictly formatted"].tolist() == [0.75, 1.0]
    areas = columns["intersection_px"].sum() / columns["union_px"].sum()
    assert value(scores, "text2mask", "cIoU") == pytest.approx(areas)


def test_missing_predictions_are_an_error_or_score_zero():
    answers = [gold(sample) for sample in SAMPLES[::3][:3]]
    missing_id = SAMPLES[9].sample_id
    with pytest.raises(UserError, match=rf"missing predictions: 1, for 1 sample id \('{missing_id}'\)"):
        evaluate(answers, SAMPLES[::3], CODEC)
    scores = evaluate(answers, SAMPLES[::3], CODEC, allow_missing=True)
    assert scores.n_missing == 1
    assert value(scores, "text2mask", "Acc@0.5") == value(scores, "text2mask", "strictly formatted") == 0.75
    assert value(scores, "text2mask", "parse failures: missing") == 0.25
    with pytest.raises(UserError, match="missing predictions: 1, for"):  # a draw of a sample that has others
        evaluate([gold(SAMPLES[0]), gold(SAMPLES[0], draw=1), gold(SAMPLES[3])], SAMPLES[:6:3], CODEC)


def test_unknown_and_repeated_ids_are_named():
    with pytest.raises(UserError, match=r"1 sample id \('\\x1b\[31mred'\) that the split does not have"):
        evaluate([*map(gold, SAMPLES), Prediction("\x1b[31mred", "[]")], SAMPLES, CODEC)
    with pytest.raises(UserError, match=r"two predictions for the same draw of 12 sample ids \(.*, \.\.\.\)"):
        evaluate([*map(gold, SAMPLES), *map(gold, SAMPLES)], SAMPLES, CODEC)
    with pytest.raises(UserError, match="no predictions"):
        evaluate([], SAMPLES, CODEC)
    with pytest.raises(UserError, match="kind is 'text'"):
        evaluate(map(gold, SAMPLES), SAMPLES, CODEC, kind="text")


def test_a_mask_is_decoded_once_however_many_draws(monkeypatch):
    decoded = []
    answers = [gold(sample, draw) for sample in SAMPLES[::3] for draw in range(5)]
    monkeypatch.setattr("polygon.target.rle_decode", lambda rle: decoded.append(rle) or rle_decode(rle))
    evaluate(answers, SAMPLES[::3], CODEC)
    assert len(decoded) == 4


def test_masks_as_run_lengths_score_like_their_outlines():
    masks = SAMPLES[::3]
    drawn = [Prediction(sample.sample_id, rle=sample.rle, score=0.5) for sample in masks]
    columns = evaluate(drawn, masks, CODEC, boundary=BoundarySettings()).tasks["text2mask"].columns
    assert columns["gIoU"].tolist() == columns["Boundary IoU"].tolist() == [1.0] * 4
    assert columns["PoLiS"].tolist() == columns["parse failures"].tolist() == [0.0] * 4
    assert np.isnan(columns["vertices"]).all()
    boxes = SAMPLES[1::3]
    around = [Prediction(sample.sample_id, rle=sample.rle) for sample in boxes]
    assert value(evaluate(around, boxes, CODEC), "text2box", "Acc@0.5") == 1.0
    other_size = replace(drawn[0], rle={"size": [3, 4], "counts": "<"})
    with pytest.raises(
        UserError, match=rf"sample '{masks[0].sample_id}': a mask of size \[3, 4\], its image is 128 x 128"
    ):
        evaluate([other_size, *drawn[1:]], masks, CODEC)


def test_boxes_can_answer_a_split_of_masks():
    masks = SAMPLES[::3]
    boxes = [Prediction(sample.sample_id, CODEC.format(Box(*sample.box))) for sample in masks]
    assert value(evaluate(boxes, masks, CODEC), "text2mask", "parse failures: wrong_kind") == 1.0
    scores = evaluate(boxes, masks, CODEC, kind="box")
    assert (scores.tasks["text2mask"].kind, value(scores, "text2mask", "Acc@0.5")) == ("box", 1.0)


def test_results_give_every_answer_with_its_groups():
    answers = [gold(sample, draw) for sample in SAMPLES for draw in range(2)]
    answers[0] = Prediction(SAMPLES[0].sample_id, "?", draw=0)
    results = list(evaluate(answers, SAMPLES, CODEC).results())
    assert len(results) == 24
    first, second = (r for r in results if r.sample_id == SAMPLES[0].sample_id)
    assert (first.draw, first.failure, first.score, second.failure) == (0, "no_answer", 0.0, None)
    assert second.score == second.values["gIoU"] > 0.95
    assert second.values["vertices"] > 2
    assert math.isnan(first.values["vertices"])
    assert second.values["expression words"] == len(SAMPLES[0].expression.split())
    assert (second.kind, second.task, second.image_id, second.ann_id) == (
        "mask",
        "text2mask",
        SAMPLES[0].image_id,
        SAMPLES[0].ann_id,
    )
    assert second.slices.keys() == SLICES.keys()
    assert {r.score for r in results if r.kind == "point"} == {1.0}
