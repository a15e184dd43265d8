"""What a report keeps of each sample, and which samples have a picture: outcomes, draws, extremes, bounded size."""

import base64
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, evaluate, gallery, report_rows
from evaluation.report.gallery import choose
from evaluation.report.page_data import MAX_TEXT, page_data
from evaluation.report.photo import MAX_SIDE_PX
from evaluation.report.row import ReportRow, RunRow
from polygon import Codec, UserError, rle_encode

CODEC = Codec()
TASKS = ("text2mask", "text2mask", "text2box", "text2point")
SAMPLES = [Shapes().sample("val", index, TASKS[index % 4]) for index in range(16)]


def answers(n_right, draw=0):
    """Gold answers to the first `n_right` samples, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    return [Prediction(s.sample_id, text, draw, 10) for s, text in zip(SAMPLES, texts, strict=True)]


def rows_of(*runs, **options):
    scored = {str(number): evaluate(run, SAMPLES, CODEC).results() for number, run in enumerate(runs)}
    return report_rows(scored, **options)


def test_outcomes():
    empty = rle_encode(np.zeros((SAMPLES[0].height, SAMPLES[0].width), dtype=bool))
    absent = replace(SAMPLES[0], sample_id="absent", rle=empty, box=None)
    elsewhere = "[[[0, 0], [0.02, 0], [0.02, 0.02], [0, 0.02]]]"
    corner = "[[[0, 0], [1, 0], [1, 1], [0, 1]]]"
    gold = CODEC.format(answer_region(SAMPLES[0], CODEC))
    told = {"hit": gold, "poor overlap": corner, "elsewhere": elsewhere, "nothing drawn": "[]", "unreadable: empty": ""}
    for expected, text in told.items():
        results = evaluate([Prediction(SAMPLES[0].sample_id, text)], SAMPLES[:1], CODEC).results()
        assert [row.runs[0].outcome for row in report_rows({"run": results})] == [expected]
    for expected, text in {"rightly empty": "[]", "drawn without target": corner}.items():
        results = evaluate([Prediction("absent", text)], [absent], CODEC).results()
        assert [row.runs[0].outcome for row in report_rows({"run": results})] == [expected]


def test_the_picture_shows_the_draw_that_is_scored():
    both = [*answers(0, draw=3), *answers(16, draw=5)]
    rows = rows_of(both)
    assert all(row.runs[0].draw == 3 and row.runs[0].score == 0 for row in rows)
    assert {
        answer.text for example in gallery(rows, SAMPLES, {"run": both}, codec=CODEC) for answer in example.answers
    } == {"[]"}


def test_a_mask_as_run_lengths_is_drawn():
    predictions = [Prediction(s.sample_id, rle=s.rle) for s in SAMPLES if s.task == "text2mask"]
    samples = [s for s in SAMPLES if s.task == "text2mask"]
    rows = report_rows({"run": evaluate(predictions, samples, CODEC).results()})
    for example in gallery(rows, samples, {"run": predictions}, codec=CODEC):
        assert example.answers[0].region == example.truth
        assert example.answers[0].failure is None


@pytest.mark.parametrize("codec", [Codec(integers=True), Codec(decode="reference")])
def test_answers_are_drawn_as_the_codec_reads_them(codec):
    samples = SAMPLES[:3]
    texts = [Prediction(s.sample_id, codec.format(answer_region(s, codec))) for s in samples]
    rows = report_rows({"run": evaluate(texts, samples, codec).results()})
    examples = gallery(rows, samples, {"run": texts}, codec=codec)
    masks = [example.answers[0].region for example in examples[:2]]
    assert masks == [answer_region(sample, codec) for sample in samples[:2]]
    assert examples[2].answers[0].region.x1 == pytest.approx(samples[2].box[2], abs=0.001)
    shapes = [example["answers"][0]["shape"] for example in json.loads(page_data(["run"], rows, examples))["examples"]]
    assert [shape.get("union", False) for shape in shapes] == [codec.decode == "reference"] * 2 + [False]  # a box last


def test_rows_of_other_samples_are_no_comparison():
    with pytest.raises(UserError, match="different samples"):
        report_rows({"a": evaluate(answers(4), SAMPLES, CODEC).results(), "b": iter(())})
    with pytest.raises(UserError, match="one run or compares two"):
        rows_of(answers(1), answers(2), answers(3))


def test_many_rows_become_a_fixed_random_choice():
    chosen = [[row.sample_id for row in rows_of(answers(4), max_rows=5, seed=seed)] for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 5


def row(score, group, before=None):
    runs = [RunRow(0, value, 9, "hit") for value in (before, score) if value is not None]
    return ReportRow(f"{score}", "image", "mask", {"group": group}, 100, 3, tuple(runs))


def test_gallery_has_the_extremes_of_every_group_and_spans_the_range():
    scores = np.random.default_rng(0).random(500).round(4)
    rows = [row(float(score), "rare" if index in (7, 30) else f"{index % 5}") for index, score in enumerate(scores)]
    chosen = choose(rows, 60)
    assert len(chosen) == len(set(chosen)) == 60
    shown = scores[chosen]
    assert {7, 30} <= set(chosen)
    assert {int(scores.argmin()), int(scores.argmax())} <= set(chosen)
    assert np.diff(np.sort(shown)).max() < 0.06
    assert choose(rows[:20], 60) == list(range(20))


def test_gallery_of_a_comparison_has_losses_and_gains():
    rng = np.random.default_rng(1)
    pairs = rng.random((300, 2)).round(4)
    rows = [row(float(after), "all", float(before)) for before, after in pairs]
    difference = pairs[:, 1] - pairs[:, 0]
    assert {int(difference.argmin()), int(difference.argmax())} <= set(choose(rows, 30))


def test_size_is_bounded():
    noise_HW3 = np.random.default_rng(0).integers(0, 255, (1500, 2000, 3)).astype(np.uint8)
    mask_HW = np.zeros((1500, 2000), dtype=bool)
    mask_HW[200:400, 100:300] = True
    large = replace(SAMPLES[0], image=noise_HW3, height=1500, width=2000, rle=rle_encode(mask_HW))
    runaway = [Prediction(large.sample_id, "no " * 10_000)]
    rows = report_rows({"run": evaluate(runaway, [large], CODEC).results()})
    [example] = gallery(rows, [large], {"run": runaway}, codec=CODEC)
    jpeg = base64.b64decode(example.photo.partition(",")[2])
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert (height, width) == (MAX_SIDE_PX * 3 // 4, MAX_SIDE_PX)
    text = json.loads(page_data(("run",), rows, [example]))["examples"][0]["answers"][0]["text"]
    assert text.endswith("(30000 characters)")
    assert len(text) < MAX_TEXT + 40
