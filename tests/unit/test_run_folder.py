"""The folder of a run: what is in it when it begins and when it ends, and where verl's loggers write."""

import csv
import json
import os
import socket
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hardware import run_folder
from hardware.run_folder import LOGGER_VARIABLES, open_run
from hardware.sweep import done_before
from polygon import UserError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (*LOGGER_VARIABLES, "WANDB_API_KEY", "RANK"):
        monkeypatch.setenv(name, "")  # so that what the test leaves behind is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr(run_folder, "THEIRS", frozenset(os.environ))


def config(folder: Path, **changes):
    return OmegaConf.create(
        {
            "name": "rewards",
            "run_dir": str(folder / "run"),
            "data_root": str(folder / "data"),
            "dataset": {"name": "shapes"},
            "log_to": ["console", "file", "csv"],
            "trainer": {"logger": "${log_to}"},
            "seed": 3,
            "again": "${seed}",
        }
        | changes
    )


def test_configuration_and_metrics_of_an_earlier_run(tmp_path):
    for number in (1, 2, 3):
        with open_run(config(tmp_path), "rl") as metrics:
            assert OmegaConf.load(tmp_path / "run" / "config.yaml").again == 3
            assert not metrics.exists()
            metrics.write_text(json.dumps({"step": number, "data": {"loss": number}}) + "\n")
    kept = [metrics.with_name(f"metrics.{number}.jsonl") for number in (1, 2)] + [metrics]
    assert [json.loads(file.read_text())["step"] for file in kept] == [1, 2, 3]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(record["starts"]) == 3
    assert set(record["starts"][0]) == {"command", "commit", "started", "machine", "versions"}
    assert {"python", "numpy", "torch"} <= set(record["starts"][0]["versions"])


def test_a_run_is_finished_once_its_block_has_ended(tmp_path):
    with pytest.raises(RuntimeError), open_run(config(tmp_path), "rl"):
        raise RuntimeError("died")
    assert not done_before(config(tmp_path))
    with open_run(config(tmp_path), "rl"):
        assert not done_before(config(tmp_path))
    assert done_before(config(tmp_path))
    with pytest.raises(UserError, match=r"holds a finished run of other settings \(seed, again\)"):
        done_before(config(tmp_path, seed=4))


def test_what_the_loggers_are_told(tmp_path, monkeypatch):
    (tmp_path / "data" / "shapes").mkdir(parents=True)
    (tmp_path / "data" / "shapes" / "card.json").write_text('{"rows": 7}')
    monkeypatch.setenv("WANDB_RUN_GROUP", "mine")
    monkeypatch.setattr(run_folder, "THEIRS", frozenset(os.environ))
    made = config(tmp_path)
    with open_run(made, "sft") as metrics:
        assert os.environ["VERL_FILE_LOGGER_PATH"] == str(metrics)
        assert (os.environ["WANDB_RUN_GROUP"], os.environ["WANDB_JOB_TYPE"]) == ("mine", "sft")
        assert Path(os.environ["WANDB_DIR"]) == Path(os.environ["TENSORBOARD_DIR"]).parent == tmp_path / "run"
        assert made.dataset_card.rows == 7
        assert made.provenance.versions.numpy
        assert made.trainer.logger == ["console", "file"], "verl has no csv"
        metrics.write_text('{"step": 1, "data": {"a": 1.5}}\n{"step": 2, "data": {"a": 2.5, "b": 3}}\n')
    with metrics.with_suffix(".csv").open() as table:
        assert list(csv.reader(table)) == [["step", "a", "b"], ["1", "1.5", ""], ["2", "2.5", "3"]]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "run").touch()
    with (
        pytest.raises(UserError, match=r"^cannot write .*/run: .*; set run_dir to a writable folder$"),
        open_run(config(tmp_path), "rl"),
    ):
        pass


def test_wandb_is_offline_without_a_key_or_a_server(tmp_path, monkeypatch):
    def mode() -> str | None:
        monkeypatch.delenv("WANDB_MODE", raising=False)
        with open_run(config(tmp_path), "rl"):
            return os.environ.get("WANDB_MODE")

    assert mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "key")
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert mode() == "offline"
