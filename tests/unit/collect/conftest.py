"""What the tests of `experiments.collect` share: run folders, of which two make an arm of two seeds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

START = {
    "command": "python -m rl.train",
    "commit": "abc123",
    "machine": {"cores": 2, "processor": "Some CPU", "gpus": []},
}
ASKED = {"actor_rollout_ref": {"rollout": {"val_kwargs": {"do_sample": True, "temperature": 1, "n": 4}}}}
HELD_OUT = "val-aux/shapes/reward/iou/mean@1"


def rows_of(gain: float, steps: int = 40) -> list[dict]:
    rows = [{"step": 0, "data": {HELD_OUT: 0.5}}]
    for step in range(1, steps + 1):
        data = {"reward/iou": 0.4 + gain * step / steps, "timing_s/step": 9.0, "actor/lr": 1.0}
        data["response_length/mean"] = 20.0
        rows.append({"step": step, "data": data | ({HELD_OUT: 0.5 + gain} if step == steps else {})})
    return rows


def run_folder(folder: Path, arm: str, seed: int, gain: float, *, finished: bool = True, steps: int = 40) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"name": "try", "arm": arm, "seed": seed} | ASKED))
    record = {"starts": [START], "finished": {"seconds": 90.0} if finished else None}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_of(gain, steps)))
    return folder


@pytest.fixture
def metrics() -> Callable[..., list[dict]]:
    """Of a run of 40 steps: IoU climbs by the gain in equal stairs, so does held-out IoU from 0.5."""
    return rows_of


@pytest.fixture
def make_run() -> Callable[..., Path]:
    """A run's folder with these metrics."""
    return run_folder


@pytest.fixture
def start() -> dict:
    """The provenance of each run."""
    return START


@pytest.fixture
def sweep(tmp_path) -> Path:
    for seed, gain in enumerate((0.05, 0.09)):
        run_folder(tmp_path / f"sweep/algo-gspo/seed{seed}", "algo-gspo", seed, gain)
    run_folder(tmp_path / "sweep/algo-grpo/seed0", "algo-grpo", 0, -0.02, finished=False, steps=12)
    return tmp_path / "sweep"
