"""A REFER folder that a test reads or damages."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.problems import BadRow
from data.refer import Refer


@dataclass(frozen=True)
class ReferFolder:
    """REFER's datasets below `path`: opened as sources, their files as plain data."""

    path: Path

    def source(self, dataset: str = "refcoco", **options) -> Refer:
        split_by = "umd" if dataset == "refcocog" else "unc"
        photographs = "saiapr" if dataset == "refclef" else "mscoco"
        common = {"root": str(self.path), "dataset": dataset, "split_by": split_by, "photographs": photographs}
        return Refer.from_config({"name": dataset, **common, **options})

    def instances(self, dataset: str = "refcoco") -> dict:
        return json.loads((self.path / dataset / "instances.json").read_text())

    def write_instances(self, content: dict, dataset: str = "refcoco") -> None:
        (self.path / dataset / "instances.json").write_text(json.dumps(content))

    def refs(self) -> list[dict]:
        return pickle.loads((self.path / "refcoco/refs(unc).p").read_bytes())

    def write_refs(self, content: list[dict]) -> None:
        (self.path / "refcoco/refs(unc).p").write_bytes(pickle.dumps(content, protocol=2))

    def problems(self, split: str = "train") -> list[str]:
        """The reasons of a split's bad texts, in order of their indices."""
        source, found = self.source(), []
        for index in range(source.size(split)):
            try:
                source.sample(split, index, "text2mask")
            except BadRow as bad:
                found.append(str(bad))
        return found


@pytest.fixture
def folder(build_refer_folder, tmp_path) -> ReferFolder:
    """One that a test may damage."""
    return ReferFolder(build_refer_folder(tmp_path / "refer", scenes=8))


@pytest.fixture(scope="session")
def whole(refer_folder) -> ReferFolder:
    """One for all tests."""
    return ReferFolder(refer_folder)
