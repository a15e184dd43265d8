"""Fixtures of the unit tests: a composed configuration, and a prepared dataset of a few rows."""

import inspect
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from data.prepare import prepare
from polygon import cli

SIZES = ("dataset.sizes.sft={train: 1, val: 1}", "dataset.sizes.rl={train: 1, val: 6, test: 1}")


@pytest.fixture(scope="session")
def composed(repo_root: Path) -> Callable[..., DictConfig]:
    """`composed(primary, *overrides)`: what a command of this primary would see."""

    def composed(primary: str, *overrides: str) -> DictConfig:
        with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
            return compose(primary, list(overrides))

    return composed


@pytest.fixture(scope="session")
def within() -> Callable[..., Any]:
    """`within(seconds, call)`: what it returns; fails where it takes more CPU time in each of three tries.

    Three, because the garbage collector of a process with many tests behind it may take a second in one of them.
    """

    def within(seconds: float, call: Callable[[], Any]) -> Any:
        took = []
        for _ in range(3):
            started = time.process_time()
            result = call()
            took.append(time.process_time() - started)
            if took[-1] < seconds:
                return result
        pytest.fail(f"took {took} s of CPU time, not {seconds}")

    return within


@pytest.fixture(scope="session")
def tool(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Callable[..., Any]]:
    """`tool(command, config, **options)`: a Hydra command in a repository of its own; returns how to run it.

    `options` are choices of a config group, `<group>_<name>` to text.
    """

    def tool(command: str, config: str, **options: str) -> Callable[..., subprocess.CompletedProcess]:
        folder = tmp_path_factory.mktemp("repository")
        files = {f"conf/{option.replace('_', '/')}.yaml": text for option, text in options.items()}
        for file, text in {"tool/main.py": command, "conf/tool.yaml": config, **files}.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        environment = {"PYTHONPATH": str(repo_root), "WANDB_MODE": "offline"}

        def run(*words: str) -> subprocess.CompletedProcess:
            words = (sys.executable, str(folder / "tool" / "main.py"), *words)
            return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)

        return run

    return tool


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def ended(composed: Callable[..., DictConfig], capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`ended(main, primary, *overrides)` runs a command in this process, which spares it a second of imports."""

    def ended(main: Callable, primary: str, *overrides: object) -> Ended:
        config = composed(primary, *map(str, overrides))
        capsys.readouterr()
        try:
            cli(inspect.unwrap(main))(config)
            code = 0
        except SystemExit as end:
            code = end.code
        return Ended(code, *capsys.readouterr())

    return ended


@pytest.fixture(scope="session")
def data_root(composed: Callable[..., DictConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shapes, prepared: 6 rows of val and one of every other split; not to be written to."""
    folder = tmp_path_factory.mktemp("data")
    prepare(OmegaConf.to_container(composed("prepare", *SIZES, f"data_root={folder}"), resolve=True))
    return folder
