"""The page of a training run, from what a run folder holds."""

import json

import pytest
import yaml

from evaluation.report.curves import read_run
from evaluation.report.run_page import table_of_ends, write_run_page

START = {
    "command": "python -m rl.train experiment=stages <b>",
    "commit": "0123456789ab",
    "started": "2026-11-22T10:00:00+0000",
    "machine": {"processor": "Xeon", "cores": 2, "gpus": [], "memory_gb": 24},
    "versions": {"verl": "0.9.1"},
}


@pytest.fixture
def folder(tmp_path):
    """A run of 25 steps that was stopped behind step 20 and went on from 15."""
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"name": "stages", "arm": None, "seed": 3, "vlm": {"path": "models/tiny"}})
    )
    (tmp_path / "run.json").write_text(json.dumps({"starts": [START], "finished": None}))
    write(tmp_path / "metrics.1.jsonl", range(1, 21), 0.0)
    write(tmp_path / "metrics.jsonl", range(16, 26), 1.0)
    return tmp_path


def write(file, steps, iou: float) -> None:
    rows = ({"step": step, "data": {"reward/iou": iou, "perf/mfu/actor": 0.1}} for step in steps)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_of_a_step_that_was_logged_twice_the_later_start_counts(folder):
    curve = read_run(folder)["reward/iou"]
    assert curve.steps == list(range(1, 26))
    assert curve.values == [0.0] * 15 + [1.0] * 10


def test_the_ends_are_means_of_ten_steps(folder):
    header, rows = table_of_ends(read_run(folder))
    assert header == ("metric", "first", "last", "change")
    assert rows == [("reward/iou", "0", "1", "+1")]


def test_the_page_names_the_run_and_escapes_what_was_typed(folder):
    page = write_run_page(folder).read_text()
    assert "stages: default, seed 3" in page
    assert "experiment=stages &lt;b&gt;" in page
    assert "0123456789ab" in page
    assert "perf" in page  # every curve, folded away


def test_a_run_without_metrics_has_no_page(folder):
    for file in folder.glob("metrics*.jsonl"):
        file.unlink()
    assert write_run_page(folder) is None
    assert not (folder / "report.html").exists()
