"""Fixtures of the unit tests: a composed configuration, and a prepared dataset of a few rows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from data.prepare import prepare

SIZES = ("dataset.sizes.sft={train: 1, val: 1}", "dataset.sizes.rl={train: 1, val: 6, test: 1}")


@pytest.fixture(scope="session")
def composed(repo_root: Path) -> Callable[..., DictConfig]:
    """`composed(primary, *overrides)`: what a command of this primary would see."""

    def composed(primary: str, *overrides: str) -> DictConfig:
        with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
            return compose(primary, list(overrides))

    return composed


@pytest.fixture(scope="session")
def data_root(composed: Callable[..., DictConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shapes, prepared: 6 rows of val and one of every other split; not to be written to."""
    folder = tmp_path_factory.mktemp("data")
    prepare(OmegaConf.to_container(composed("prepare", *SIZES, f"data_root={folder}"), resolve=True))
    return folder
