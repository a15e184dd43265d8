"""wandb's offline files as runs."""

import time
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from experiments.runs import find_runs
from experiments.wandb_file import records
from polygon import UserError

HELD_OUT = "val-aux/shapes/reward/iou/mean@1"


def ended(file: Path) -> bool:
    *_, last = ["none", *(Record.FromString(data).WhichOneof("record_type") for data in records(file.read_bytes()))]
    return last == "exit"


def test_offline_files_of_wandb(tmp_path, metrics, start):
    """Written by wandb itself, with a record longer than a block; a torn end costs only its own rows."""
    config = {"name": "try", "arm": "algo-gspo", "seed": 3, "provenance": start, "long": "x" * 100_000}
    with wandb.init(mode="offline", dir=tmp_path, config=config, settings=wandb.Settings(silent=True)) as run:
        for row in metrics(0.1):
            run.log(row["data"], step=row["step"])
    (file,) = tmp_path.rglob("run-*.wandb")
    deadline = time.monotonic() + 60
    while not ended(file) and time.monotonic() < deadline:
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
