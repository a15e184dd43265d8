"""From predictions and samples to scores: gold answers, draws, missing and unknown ones, and the command itself."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from data import Shapes, rl_row
from data.answer import answer_region
from data.parquet import write_parquet
from evaluation import Prediction, evaluate, write_predictions
from evaluation.run import main
from evaluation.scores import estimate
from polygon import Codec, UserError, rle_decode

ROOT = Path(__file__).parents[2]
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


def test_parse_failures_are_counted_by_cause():
    masks = SAMPLES[::3]
    texts = ["sorry", "", CODEC.format(answer_region(masks[2], CODEC)), "[0.1, 0.2]"]
    answers = [Prediction(sample.sample_id, text) for sample, text in zip(masks, texts, strict=True)]
    scores = evaluate(answers, masks, CODEC)
    assert value(scores, "text2mask", "parse failures") == 0.75
    causes = {name: column.mean() for name, column in scores.tasks["text2mask"].columns.items() if "failures:" in name}
    assert sum(causes.values()) == 0.75
    assert all(causes.values())
    assert causes["parse failures: no_answer"] == causes["parse failures: empty"] == 0.25
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
    with pytest.raises(UserError, match="acc_box is 'truth'"):
        evaluate(map(gold, SAMPLES), SAMPLES, CODEC, acc_box="truth")


def test_a_mask_is_decoded_once_however_many_draws(monkeypatch):
    decoded = []
    answers = [gold(sample, draw) for sample in SAMPLES[::3] for draw in range(5)]
    monkeypatch.setattr("polygon.target.rle_decode", lambda rle: decoded.append(rle) or rle_decode(rle))
    evaluate(answers, SAMPLES[::3], CODEC)
    assert len(decoded) == 4


@pytest.fixture
def prepared(tmp_path):
    rows = [rl_row(sample, "draw it", index) for index, sample in enumerate(SAMPLES)]
    write_parquet(tmp_path / "data" / "shapes" / "rl" / "val.parquet", "rl", rows)
    write_predictions(tmp_path / "p.jsonl", map(gold, SAMPLES))
    return tmp_path


def test_the_command_prints_tables_with_conventions_and_writes_json(prepared):
    output = prepared / "m.json"
    overrides = [f"predictions={prepared}/p.jsonl", f"data_root={prepared}/data", f"output={output}"]
    command = [sys.executable, "-m", "evaluation.run", *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    content = json.loads(output.read_text())
    assert content["tasks"]["text2mask"]["metrics"]["Acc@0.5"] == {"value": 1.0, "standard_error": 0.0, "n": 4}
    assert (content["samples"], content["split"], content["codec"]["decode"]) == (12, "val", "matched")
    for convention in content["conventions"].values():
        assert convention in done.stdout
    assert "text2point, 4 samples" in done.stdout


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ([], "name the file to score: predictions=FILE.jsonl"),
        (["predictions={}/none.jsonl"], "no predictions file"),
        (["predictions={}/p.jsonl", "split=test"], "no split 'test'; it has val"),
        (["predictions={}/p.jsonl", "limit=0"], "limit is 0"),
        (["predictions={}/p.jsonl", "++codec.decode=best"], "decode is 'best'"),
        (["predictions={}/p.jsonl", "output={}/p.jsonl/m.json"], "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(prepared, overrides, fault, capsys):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("evaluate", [f"data_root={prepared}/data", *(o.format(prepared) for o in overrides)])
    with pytest.raises(SystemExit) as exit_info:
        main.__wrapped__(cfg)
    message = capsys.readouterr().err
    assert exit_info.value.code == 2
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert fault in message
