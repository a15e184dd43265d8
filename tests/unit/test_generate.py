"""`rollout.generate` with a backend of the test's own: what is written, and what a second run does."""

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import DictConfig

from evaluation.prediction import read_predictions
from polygon import UserError
from rollout import generate as module
from rollout.generate import generate
from rollout.request import Answer, Request

N_ROWS = 6  # of the split val in `data_root`


class Scribe:
    """A backend that answers with the request's key, and dies after `patience` answers."""

    def __init__(self, patience: int = 1000):
        self.patience = patience
        self.asked: list[Request] = []

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]:
        for request in requests:
            if len(self.asked) == self.patience:
                raise ConnectionError("the engine died")
            self.asked.append(request)
            yield request, Answer(f"{request.key}", 7, "stop")


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Scribe:
    """Stands in for every backend. `backend=openai` in `asked` keeps the model folder out of these tests."""
    scribe = Scribe()
    monkeypatch.setattr(module, "open_backend", lambda config, folder, sampling: scribe)
    monkeypatch.setattr(module, "apply_environment", lambda config: None)
    return scribe


@pytest.fixture
def asked(composed: Callable[..., DictConfig], data_root: Path) -> Callable[..., DictConfig]:
    def asked(output: Path, *overrides: str) -> DictConfig:
        return composed("generate", f"data_root={data_root}", f"output={output}", "backend=openai", *overrides)

    return asked


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def keys(file: Path) -> list[tuple[str, int]]:
    return [(row["sample_id"], row["draw"]) for row in rows(file)]


def test_rows_are_predictions(asked, tmp_path, scribe):
    output = tmp_path / "deep" / "answers.jsonl"
    summary = generate(asked(output, "temperature=1", "draws=2", "limit=4"))
    assert summary.startswith(f"{output}: 8 answers, 8 of them new; ")
    assert {tuple(row) for row in rows(output)} == {("sample_id", "draw", "text", "tokens", "finish")}
    predictions = list(read_predictions(output))
    assert len({(prediction.sample_id, prediction.draw) for prediction in predictions}) == 8
    assert {prediction.draw for prediction in predictions} == {0, 1}


def test_a_stopped_run_goes_on_where_it_stopped(asked, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    scribe.patience = 4
    with pytest.raises(ConnectionError):
        generate(asked(output))
    begun = output.read_text()
    assert begun.count("\n") == 4
    scribe.patience, scribe.asked = 1000, []
    generate(asked(output))
    assert output.read_text().startswith(begun)
    assert len(scribe.asked) == N_ROWS - 4
    assert len(set(keys(output))) == len(keys(output)) == N_ROWS
    assert generate(asked(output)) == f"{output}: complete with {N_ROWS} answers"
    assert len(scribe.asked) == N_ROWS - 4


def test_a_request_has_the_same_seed_in_every_run(asked, tmp_path, scribe):
    generate(asked(tmp_path / "a.jsonl", "temperature=1", "draws=3"))
    seeds = {request.key: request.seed for request in scribe.asked}
    assert len(set(seeds.values())) == 3 * N_ROWS
    scribe.asked = []
    generate(asked(tmp_path / "b.jsonl", "temperature=1", "draws=2", "limit=3"))
    assert all(seeds[request.key] == request.seed for request in scribe.asked)
    scribe.asked = []
    generate(asked(tmp_path / "c.jsonl", "temperature=1", "seed=1"))
    assert all(seeds[request.key] != request.seed for request in scribe.asked)


@pytest.mark.parametrize(
    ("override", "difference"),
    [
        ("temperature=0.5", "temperature=0.0, now temperature=0.5"),
        ("limit=2", "limit=null, now limit=2"),
        ("split=test", "split=val, now split=test"),
        ("backend.model=other", "model=http://127.0.0.1:8000/v1 None, now model=http://127.0.0.1:8000/v1 other"),
    ],
)
def test_other_settings_do_not_touch_the_file(override, difference, asked, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    generate(asked(output))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    expected = f"{output} was written with {difference}; choose another output, or set force=true to start anew"
    with pytest.raises(UserError, match="^" + re.escape(expected) + "$"):
        generate(asked(output, override))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    generate(asked(output, override, "force=true"))
    generate(asked(output, override))


def test_a_backend_that_fails_to_open_leaves_nothing_or_what_was_there(asked, tmp_path, scribe, monkeypatch):
    def fail(*_):
        raise UserError("no server")

    output = tmp_path / "answers.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(module, "open_backend", fail)
        with pytest.raises(UserError, match="no server"):
            generate(asked(output))
        assert not list(tmp_path.iterdir())
    generate(asked(output))
    before = output.read_bytes()
    monkeypatch.setattr(module, "open_backend", fail)
    with pytest.raises(UserError, match="no server"):
        generate(asked(output, "force=true"))
    assert output.read_bytes() == before


def test_rows_that_cannot_be_used_are_skipped_and_named(asked, data_root, tmp_path, scribe, caplog):
    folder = tmp_path / "shapes" / "rl"
    folder.mkdir(parents=True)
    table = pq.read_table(data_root / "shapes" / "rl" / "val").to_pylist()
    table[2]["images"][0]["bytes"] = b"no image"
    pq.write_table(pa.Table.from_pylist(table), folder / "val.parquet")
    output = tmp_path / "answers.jsonl"
    with caplog.at_level(logging.WARNING):
        assert generate(asked(output, f"data_root={tmp_path}")).endswith("; 1 rows skipped: 2")
    assert len(rows(output)) == N_ROWS - 1
    assert "row 2 skipped: image: 8 bytes that do not decode" in caplog.text
