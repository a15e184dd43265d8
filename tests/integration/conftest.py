"""Fixtures of the end-to-end tests: a small dataset, the committed checkpoint, commands as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hardware.environment import apply_environment

CHECKPOINT = "models/tiny_qwen3_vl_sft"
CONF = Path(__file__).resolve().parents[2] / "conf"

ENVIRONMENT = dict(os.environ)  # of the commands, which set their own
# Tests that import verl in this process need its CPU platform before that.
apply_environment(OmegaConf.create({"hardware": OmegaConf.load(CONF / "hardware" / "cpu.yaml")}))


class Command:
    """`python -m module overrides...` in the repository; stdout and stderr are kept together."""

    def __init__(self, repo_root: Path):
        self.repo_root = repo_root

    def __call__(self, module: str, *overrides: str, fails: bool = False, timeout: float = 900) -> str:
        environment = {**ENVIRONMENT, "WANDB_MODE": "offline"}
        environment.pop("VERL_FILE_LOGGER_PATH", None)
        done = subprocess.run(
            [sys.executable, "-m", module, *overrides],
            cwd=self.repo_root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        assert (done.returncode != 0) == fails, f"exit code {done.returncode}:\n{done.stdout[-6000:]}"
        return done.stdout


@pytest.fixture(scope="session")
def command(repo_root: Path) -> Command:
    return Command(repo_root)


@pytest.fixture(scope="session")
def data_root(command: Command, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    sizes = ("sft.train=96", "sft.val=8", "rl.train=64", "rl.val=16", "rl.test=16")
    command("data.prepare", f"data_root={root}", *(f"dataset.sizes.{size}" for size in sizes))
    return root


@pytest.fixture(scope="session")
def checkpoint(repo_root: Path) -> Path:
    return repo_root / CHECKPOINT
