"""Which runs `experiments.collect` finds, and in which folders and files."""

import json

import pytest
import yaml

from experiments.runs import find_runs, write_runs
from polygon import UserError


def test_a_run_that_was_resumed_has_one_curve(tmp_path, make_run, metrics):
    folder = make_run(tmp_path / "run", "default", 0, 0.1, steps=20)
    rows = metrics(0.1)[16:]
    (folder / "metrics.jsonl").rename(folder / "metrics.1.jsonl")
    rows[0]["data"]["reward/iou"] = 0.9
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = find_runs(tmp_path)
    assert sorted(run.curves["reward/iou"]) == [*range(1, 41)]
    assert run.curves["reward/iou"][16] == 0.9, "the later start's"
    assert run.steps == 40


def test_retraining_is_no_run_and_several_folders_are(sweep, tmp_path, make_run):
    """An arm's SFT run lies beside its GSPO runs; a control may be another experiment's."""
    sft = make_run(sweep / "sft/algo-grpo", "algo-grpo", 0, 0.3)
    (sft / "config.yaml").write_text(yaml.safe_dump({"name": "try", "arm": "algo-grpo", "seed": 0}))
    control = make_run(tmp_path / "other/control/seed0", "control", 0, 0.1)
    runs = find_runs(sweep, control)
    assert [(run.arm, run.seed) for run in runs] == [
        ("algo-grpo", 0),
        ("algo-gspo", 0),
        ("algo-gspo", 1),
        ("control", 0),
    ]
    assert runs[0].steps == 12
    with pytest.raises(UserError, match="two runs of arm control, seed 0"):
        find_runs(sweep, control, control)


def test_runs_that_were_written_before_are_joined_by_new_ones(sweep, tmp_path, make_run):
    runs = find_runs(sweep)
    write_runs(tmp_path / "runs.jsonl", runs)
    new = make_run(tmp_path / "new/algo-gspo/seed2", "algo-gspo", 2, 0.1)
    assert find_runs(tmp_path / "runs.jsonl", new) == [*runs, *find_runs(new)]
    for other in ('{"arm": "algo-gspo"}', "[1]", "{"):
        (tmp_path / "runs.jsonl").write_text(other)
        with pytest.raises(UserError, match=r"runs.jsonl is no runs.jsonl of experiments.collect"):
            find_runs(tmp_path / "runs.jsonl")


def test_two_runs_of_one_arm_and_seed_are_refused(sweep, make_run):
    make_run(sweep / "again", "algo-gspo", 1, 0.3)
    with pytest.raises(UserError, match="two runs of arm algo-gspo, seed 1"):
        find_runs(sweep)
