"""The command `evaluation.run`: tables, JSON, comparison, report, and one line for bad input."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

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
    write_predictions(tmp_path / "other.jsonl", [Prediction(f"other-{index}", "[]") for index in range(2)])
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "torn.jsonl").write_bytes((tmp_path / "p.jsonl").read_bytes()[:-20])
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


@pytest.fixture
def run(prepared, ended):
    """`run(*overrides)`, `{}` in them standing for the folder of `prepared`."""

    def run(*overrides):
        return ended(main, "evaluate", f"data_root={prepared}/data", *(o.format(prepared) for o in overrides))

    return run


def test_the_command_compares_two_files_by_pairs(prepared, run):
    worse = [replace(gold(sample), text="[]") if index < 9 else gold(sample) for index, sample in enumerate(SAMPLES)]
    write_predictions(prepared / "q.jsonl", worse)
    printed = run(
        "predictions={}/p.jsonl",
        "baseline={}/q.jsonl",
        "output={}/m.json",
        "conventions=lisa",
        "boundary=null",
    ).out
    content = json.loads((prepared / "m.json").read_text())
    row = content["comparison"]["text2mask"]["Acc@0.5"]
    assert (row["before"]["value"], row["after"]["value"], row["difference"]["value"]) == (0.25, 1.0, 0.75)
    assert row["p"] == pytest.approx(2 / 2**3, abs=0.02)  # three images of four changed
    assert re.search(r"^Acc@0\.5 +0\.250 ± 0\.250 +1\.000 ± 0\.000 +\+0\.750 ± 0\.250 +\[", printed, re.MULTILINE)
    assert "against the baseline, text2mask, 4 samples, lisa" in printed
    assert "Boundary" not in printed


def test_a_changed_preset_says_so(run):
    done = run("predictions={}/p.jsonl", "conventions=text4seg", "conventions.acc_box=annotated", "boundary=null")
    assert "text2mask, 4 samples, 4 images, text4seg, but for acc_box" in done.out


def test_the_command_writes_a_report(prepared, run):
    write_predictions(prepared / "q.jsonl", [replace(gold(sample), text="[]") for sample in SAMPLES])
    done = run("predictions={}/p.jsonl", "baseline={}/q.jsonl", "report={}/report.html", "slices=[area]")
    page = (prepared / "report.html").read_text()
    assert all(
        words in page for words in ("text2box by area", "Boundary IoU", f"{prepared}/q.jsonl", SAMPLES[0].sample_id)
    )
    assert f"report: {prepared}/report.html" in done.out


def test_the_command_joins_splits_and_reads_other_formats(prepared, run):
    others = [Shapes().sample("test", index, "text2mask") for index in range(3)]
    write_parquet(prepared / "data/shapes/rl/test.parquet", "rl", [rl_row(s, "?", i) for i, s in enumerate(others)])
    rows = [{"sample_id": s.sample_id, "segmentation": s.rle, "score": 1.0} for s in (*SAMPLES, *others)]
    (prepared / "r.json").write_text(json.dumps(rows))
    done = run(
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
    assert "text2mask by split" in done.out


@pytest.mark.parametrize("format", ["ours", "norm1000"])
def test_the_command_reads_whole_numbers(prepared, run, format):
    """Of a codec that writes them; another model's are rewritten as decimals before, whatever our codec writes."""
    codec = Codec(integers=True)
    write_predictions(
        prepared / "w.jsonl", [replace(gold(s), text=codec.format(answer_region(s, codec))) for s in SAMPLES]
    )
    whole = ("predictions={}/w.jsonl", f"format={format}", "codec.integers=true", "boundary=null", "output={}/m.json")
    assert run(*whole, "report={}/report.html").code == 0
    tasks = json.loads((prepared / "m.json").read_text())["tasks"]
    assert {tasks[task]["metrics"]["Acc@0.5"]["value"] for task in TASKS[:2]} == {1.0}
    data = json.loads(re.search(r'id="data">(.*)</script>', (prepared / "report.html").read_text())[1])
    assert max(data["examples"][0]["answers"][0]["shape"]["rings"][0]) > 10, "drawn in pixels"


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ([], "name the file to score: predictions=FILE.jsonl"),
        (["predictions={}/none.jsonl"], "no predictions file"),
        (["predictions={}/p.jsonl", "split=test"], "no split 'test'; it has val"),
        (["predictions={}/p.jsonl", "limit=0"], "limit is 0"),
        (["predictions={}/p.jsonl", "split=[]"], "split is empty; name a split"),
        (["predictions={}/p.jsonl", "slices=null"], "slices is None; give a list of names: slices=[...]"),
        (["predictions={}/empty.jsonl"], "empty.jsonl has no row of format=ours; formats: ours, pixels"),
        (["predictions={}/torn.jsonl"], "torn.jsonl: 1 row left out: 1 bad_row (line 12: not JSON ("),
        (["predictions={}/other.jsonl"], "sample ids ('other-0', 'other-1') that the split does not have"),
        (["predictions={}/p.jsonl", "++codec.decode=best"], "decode is 'best'"),
        (["predictions={}/p.jsonl", "conventions.hit=maybe"], "conventions.hit is 'maybe'"),
        (["predictions={}/p.jsonl", "boundary.band=0"], "boundary has 0"),
        (["predictions={}/p.jsonl", "slices=[size]"], "slices has 'size'; there are source, split, area"),
        (["predictions={}/p.jsonl", "baseline={}/none.jsonl"], "no predictions file"),
        (["predictions={}/p.jsonl", "baseline={}/p.jsonl"], "baseline is the predictions file itself"),
        (["predictions={}/p.jsonl", "output={}/p.jsonl/m.json"], "cannot write"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, overrides, fault):
    done = run(*overrides)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert fault in done.err
