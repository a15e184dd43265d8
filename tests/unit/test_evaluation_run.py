"""The command `evaluation.run`: tables, JSON, comparison, report, and one line for bad input."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from data import Shapes, rl_row
from data.answer import answer_region
from data.parquet import write_parquet
from evaluation import Prediction, write_predictions
from evaluation.run import main
from polygon import Codec

ROOT = Path(__file__).parents[2]
CODEC = Codec()
TASKS = ("text2mask", "text2box", "text2point")
SAMPLES = [Shapes().sample("val", index, TASKS[index % 3]) for index in range(12)]


def gold(sample, draw=0):
    return Prediction(sample.sample_id, CODEC.format(answer_region(sample, CODEC)), draw=draw, tokens=40, finish="stop")


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
    perfect = {"value": 1.0, "standard_error": 0.0, "low": 1.0, "high": 1.0, "n": 4}
    assert content["tasks"]["text2mask"]["metrics"]["Acc@0.5"] == perfect
    assert content["tasks"]["text2mask"]["metrics"]["Boundary IoU"]["value"] > 0.9
    assert content["tasks"]["text2box"]["slices"]["split"]["val"]["Acc@0.5"] == perfect
    assert content["settings"]["conventions"]["name"] == "simpleseg"
    assert content["settings"]["boundary"]["band"] == 0.02
    assert (content["samples"], content["split"], content["settings"]["codec"]["decode"]) == (12, "val", "matched")
    for convention in content["conventions"].values():
        assert convention in done.stdout
    assert "text2point, 4 samples, 4 images" in done.stdout
    assert "text2box by area" in done.stdout


def run(prepared, *overrides):
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("evaluate", [f"data_root={prepared}/data", *(o.format(prepared) for o in overrides)])
    main.__wrapped__(cfg)


def test_the_command_compares_two_files_by_pairs(prepared, capsys):
    worse = [replace(gold(sample), text="[]") if index < 9 else gold(sample) for index, sample in enumerate(SAMPLES)]
    write_predictions(prepared / "q.jsonl", worse)
    run(
        prepared,
        "predictions={}/p.jsonl",
        "baseline={}/q.jsonl",
        "output={}/m.json",
        "conventions=lisa",
        "boundary=null",
    )
    content = json.loads((prepared / "m.json").read_text())
    row = content["comparison"]["text2mask"]["Acc@0.5"]
    assert (row["before"]["value"], row["after"]["value"], row["difference"]["value"]) == (0.25, 1.0, 0.75)
    assert row["p"] == pytest.approx(2 / 2**3, abs=0.02)  # three images of four changed
    printed = capsys.readouterr().out
    assert re.search(r"^Acc@0\.5 +0\.250 ± 0\.250 +1\.000 ± 0\.000 +\+0\.750 ± 0\.250 +\[", printed, re.MULTILINE)
    assert "against the baseline, text2mask, 4 samples, lisa" in printed
    assert "Boundary" not in printed


def test_a_changed_preset_says_so(prepared, capsys):
    run(prepared, "predictions={}/p.jsonl", "conventions=text4seg", "conventions.acc_box=annotated", "boundary=null")
    assert "text2mask, 4 samples, 4 images, text4seg, but for acc_box" in capsys.readouterr().out


def test_the_command_writes_a_report(prepared, capsys):
    write_predictions(prepared / "q.jsonl", [replace(gold(sample), text="[]") for sample in SAMPLES])
    run(prepared, "predictions={}/p.jsonl", "baseline={}/q.jsonl", "report={}/report.html", "slices=[area]")
    page = (prepared / "report.html").read_text()
    assert all(
        words in page for words in ("text2box by area", "Boundary IoU", f"{prepared}/q.jsonl", SAMPLES[0].sample_id)
    )
    assert f"report: {prepared}/report.html" in capsys.readouterr().out


def test_the_command_joins_splits_and_reads_other_formats(prepared, capsys):
    others = [Shapes().sample("test", index, "text2mask") for index in range(3)]
    write_parquet(prepared / "data/shapes/rl/test.parquet", "rl", [rl_row(s, "?", i) for i, s in enumerate(others)])
    rows = [{"sample_id": s.sample_id, "segmentation": s.rle, "score": 1.0} for s in (*SAMPLES, *others)]
    (prepared / "r.json").write_text(json.dumps(rows))
    run(
        prepared,
        "predictions={}/r.json",
        "format=coco",
        "split=[val,test]",
        "kind=mask",
        "boundary=null",
        "output={}/m.json",
    )
    content = json.loads((prepared / "m.json").read_text())
    assert (content["samples"], content["split"], content["format"]) == (15, "val, test", "coco")
    assert content["tasks"]["text2mask"]["metrics"]["gIoU"]["value"] == 1.0
    assert "text2mask by split" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ([], "name the file to score: predictions=FILE.jsonl"),
        (["predictions={}/none.jsonl"], "no predictions file"),
        (["predictions={}/p.jsonl", "split=test"], "no split 'test'; it has val"),
        (["predictions={}/p.jsonl", "limit=0"], "limit is 0"),
        (["predictions={}/p.jsonl", "++codec.decode=best"], "decode is 'best'"),
        (["predictions={}/p.jsonl", "conventions.hit=maybe"], "conventions.hit is 'maybe'"),
        (["predictions={}/p.jsonl", "boundary.band=0"], "boundary has 0"),
        (["predictions={}/p.jsonl", "slices=[size]"], "slices has 'size'; there are source, split, area"),
        (["predictions={}/p.jsonl", "baseline={}/none.jsonl"], "no predictions file"),
        (["predictions={}/p.jsonl", "baseline={}/p.jsonl"], "baseline is the predictions file itself"),
        (["predictions={}/p.jsonl", "output={}/p.jsonl/m.json"], "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(prepared, overrides, fault, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run(prepared, *overrides)
    message = capsys.readouterr().err
    assert exit_info.value.code == 2
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert fault in message
