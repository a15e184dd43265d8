"""The folder of a run: it appears with the configuration, keeps earlier metrics, and decides where wandb logs to."""

import os
import socket
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hardware.environment import open_run
from polygon import UserError


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "VERL_FILE_LOGGER_PATH", "RANK"):
        monkeypatch.setenv(name, "")  # so that what the test leaves behind is undone
        monkeypatch.delenv(name)


def config(folder: Path):
    return OmegaConf.create({"run_dir": str(folder), "seed": 3, "again": "${seed}"})


def test_configuration_and_metrics_of_an_earlier_run(tmp_path):
    metrics = open_run(config(tmp_path / "run"))
    assert OmegaConf.load(tmp_path / "run" / "config.yaml").again == 3
    for number in (1, 2):
        metrics.write_text(f"run {number}")
        assert open_run(config(tmp_path / "run")) == metrics
        assert not metrics.exists()
        assert metrics.with_name(f"metrics.{number}.jsonl").read_text() == f"run {number}"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^cannot write .*/file/run: .*; set run_dir to a writable folder$"):
        open_run(config(tmp_path / "file" / "run"))


def test_wandb_is_offline_without_a_key_or_a_server(tmp_path, monkeypatch):
    def mode() -> str | None:
        monkeypatch.delenv("WANDB_MODE", raising=False)
        open_run(config(tmp_path))
        return os.environ.get("WANDB_MODE")

    assert mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "key")
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
    assert mode() == "offline"
