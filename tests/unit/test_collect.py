"""`experiments.collect`: run folders and wandb's offline files become a table; committed tables are what it makes."""

import json
import re
import sys
import time
from pathlib import Path

import pytest
import wandb
import yaml

from experiments import collect
from experiments.collect import BEGIN, END, block, replaced
from experiments.plot import svg
from experiments.runs import find_runs, read_runs, write_runs
from experiments.wandb_file import records
from polygon import UserError

START = {
    "command": "python -m rl.train",
    "commit": "abc123",
    "machine": {"cores": 2, "processor": "Some CPU", "gpus": []},
}
ASKED = {"actor_rollout_ref": {"rollout": {"val_kwargs": {"do_sample": True, "temperature": 1, "n": 4}}}}
HELD_OUT = "val-aux/shapes/reward/iou/mean@1"


def metrics(gain: float, steps: int = 40) -> list[dict]:
    rows = [{"step": 0, "data": {HELD_OUT: 0.5}}]
    for step in range(1, steps + 1):
        data = {"reward/iou": 0.4 + gain * step / steps, "timing_s/step": 9.0, "actor/lr": 1.0}
        rows.append({"step": step, "data": data | ({HELD_OUT: 0.5 + gain} if step == steps else {})})
    return rows


def make_run(folder: Path, arm: str, seed: int, gain: float, *, finished: bool = True, steps: int = 40) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": "try", "arm": arm, "seed": seed} | ASKED))
    record = {"starts": [START], "finished": {"seconds": 90.0} if finished else None}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metrics(gain, steps)))
    return folder


@pytest.fixture
def sweep(tmp_path) -> Path:
    for seed, gain in enumerate((0.05, 0.09)):
        make_run(tmp_path / f"sweep/algo-gspo/seed{seed}", "algo-gspo", seed, gain)
    make_run(tmp_path / "sweep/algo-grpo/seed0", "algo-grpo", 0, -0.02, finished=False, steps=12)
    return tmp_path / "sweep"


def test_table_of_a_sweep(sweep):
    lines = block(find_runs(sweep)).splitlines()
    assert lines[0].startswith(
        "| arm | seeds | steps | held-out IoU before | after | change | training IoU, first 10 steps"
    )
    grpo, gspo = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:4])
    assert gspo[:6] == ["algo-gspo", "0, 1", "40", "0.500 ± 0.000", "0.570 ± 0.028", "+0.070 ± 0.028"]
    # the mean of 40 equal stairs over the first and the last ten: 5.5 and 35.5 fortieths of the gain
    assert gspo[6:9] == ["0.410 ± 0.004", "0.462 ± 0.025", "+0.052 ± 0.021"]
    assert grpo[:6] == ["algo-grpo", "0", "12", "0.500", "0.480", "-0.020"]
    assert lines[5:] == [
        "Held-out answers: 4 at temperature 1.",
        "Commits: abc123.",
        "Machine: 2 cores, Some CPU.",
        "Wall time: 3 minutes in all.",
        "Not finished: algo-grpo, seed 0.",
    ]


def test_what_is_written_gives_the_same_table_and_plot(sweep, tmp_path):
    runs = find_runs(sweep)
    write_runs(tmp_path / "runs.jsonl", runs)
    again = read_runs(tmp_path / "runs.jsonl")
    assert again == runs
    assert block(again) == block(runs)
    plot = svg(again, "reward/iou", "training IoU")
    assert plot == svg(runs, "reward/iou", "training IoU")
    assert len(re.findall("<polyline", plot)) == 2 and "algo-gspo (2 seeds)" in plot
    assert "actor/lr" not in again[0].curves


def test_a_run_that_was_resumed_has_one_curve(tmp_path):
    folder = make_run(tmp_path / "run", "default", 0, 0.1, steps=20)
    rows = metrics(0.1)[16:]
    (folder / "metrics.jsonl").rename(folder / "metrics.1.jsonl")
    rows[0]["data"]["reward/iou"] = 0.9
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = find_runs(tmp_path)
    assert sorted(run.curves["reward/iou"]) == [*range(1, 41)]
    assert run.curves["reward/iou"][16] == 0.9, "the later start's"
    assert run.steps == 40


def test_offline_files_of_wandb(tmp_path):
    """Written by wandb itself, with a record longer than a block; a torn end costs only its own rows."""
    config = {"name": "try", "arm": "algo-gspo", "seed": 3, "provenance": START, "long": "x" * 100_000}
    with wandb.init(mode="offline", dir=tmp_path, config=config, settings=wandb.Settings(silent=True)) as run:
        for row in metrics(0.1):
            run.log(row["data"], step=row["step"])
    (file,) = tmp_path.rglob("run-*.wandb")
    deadline = time.monotonic() + 30
    while sum(1 for _ in records(file.read_bytes())) < 45 and time.monotonic() < deadline:
        time.sleep(0.05)  # wandb's own process writes a little after the run has ended
    (found,) = find_runs(tmp_path)
    assert (found.arm, found.seed, found.commit, found.steps) == ("algo-gspo", 3, "abc123", 40)
    assert found.curves["reward/iou"] == {step: pytest.approx(0.4 + 0.1 * step / 40) for step in range(1, 41)}
    assert found.curves[HELD_OUT] == {0: 0.5, 40: 0.6}

    whole = file.read_bytes()
    torn = [*records(whole[:-200])]
    assert torn == [*records(whole)][: len(torn)]
    file.write_bytes(whole[:-3000])
    (found,) = find_runs(tmp_path)
    assert 0 < found.steps <= 40
    file.write_bytes(whole[:5000])
    with pytest.raises(UserError, match="ends before its configuration"):
        find_runs(tmp_path)
    file.write_bytes(b"PK\x03\x04" + whole)
    with pytest.raises(UserError, match="no offline file of wandb"):
        find_runs(tmp_path)


def test_two_runs_of_one_arm_and_seed_are_refused(sweep):
    make_run(sweep / "again", "algo-gspo", 1, 0.3)
    with pytest.raises(UserError, match="two runs of arm algo-gspo, seed 1"):
        find_runs(sweep)


def test_command(sweep, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(collect, "REPOSITORY", tmp_path)
    (tmp_path / "experiments/try").mkdir(parents=True)
    readme = tmp_path / "experiments/try/README.md"
    readme.write_text(f"# Which?\n\n{BEGIN}\nold\n{END}\n\n**Conclusion.** None.\n")

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["collect", "experiment=try", f"runs={sweep}", *words])
        try:
            collect.main()
        except SystemExit as ended:
            assert ended.code == 2
        return capsys.readouterr().err

    assert "README.md says something else" in run("check=true")
    assert not run("write=true")
    text = readme.read_text()
    assert "old" not in text and "| algo-gspo | 0, 1 |" in text and text.endswith("**Conclusion.** None.\n")
    assert not run("check=true")
    assert "no run" in run("runs=/nowhere")
    assert "settings: experiment, runs, write, check" in run("rusn=3")


def test_a_readme_without_a_place_for_the_table_is_refused():
    with pytest.raises(UserError, match="has no lines <!-- made by"):
        replaced("# Mine\n", "table")


def test_committed_tables_are_what_their_runs_give(repo_root):
    files = sorted((repo_root / "experiments").glob("*/runs.jsonl"))
    assert files
    for file in files:
        runs = read_runs(file)
        assert block(runs) in (file.parent / "README.md").read_text()
        assert svg(runs, "reward/iou", "training IoU") == (file.parent / "curves.svg").read_text()
