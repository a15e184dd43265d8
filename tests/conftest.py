"""Fixtures of every test: where the repository lies and where shared data lies."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and no deadline: a test beside a training run on two cores may take its time.
settings.register_profile("simpleseg", derandomize=True, deadline=None)
settings.load_profile("simpleseg")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The repository's root folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared(repo_root: Path) -> Path:
    """The shared folder, real COCO instances in it: SIMPLESEG_SHARED, else the repository's sibling `shared`."""
    folder = Path(os.environ.get("SIMPLESEG_SHARED", repo_root.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}: name its folder in SIMPLESEG_SHARED")
    return folder
