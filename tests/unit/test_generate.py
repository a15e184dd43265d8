"""`rollout.generate` with a backend of the test's own: what is written, what a second run does, what bad input says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from data.prepare import prepare
from evaluation.prediction import read_predictions
from polygon import UserError
from rollout import generate as module
from rollout.answers_file import AnswersFile
from rollout.generate import generate
from rollout.request import Answer, Request

ROOT = Path(__file__).parents[2]
N_ROWS = 6


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


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    sizes = ["dataset.sizes.sft={train: 1, val: 1}", f"dataset.sizes.rl={{train: 1, val: {N_ROWS}, test: 1}}"]
    prepare(OmegaConf.to_container(composed("prepare", *sizes, f"data_root={folder}"), resolve=True))
    return folder


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Scribe:
    """Stands in for every backend. `backend=openai` in `asked` keeps the model folder out of these tests."""
    scribe = Scribe()
    monkeypatch.setattr(module, "open_backend", lambda config, folder, sampling: scribe)
    monkeypatch.setattr(module, "apply_environment", lambda config: None)
    return scribe


def composed(primary: str, *overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(primary, list(overrides))


def asked(data_root: Path, output: Path, *overrides: str) -> DictConfig:
    return composed("generate", f"data_root={data_root}", f"output={output}", "backend=openai", *overrides)


def rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def keys(file: Path) -> list[tuple[str, int]]:
    return [(row["sample_id"], row["draw"]) for row in rows(file)]


def test_rows_are_predictions(data_root, tmp_path, scribe):
    output = tmp_path / "deep" / "answers.jsonl"
    summary = generate(asked(data_root, output, "temperature=1", "draws=2", "limit=4"))
    assert summary.startswith(f"{output}: 8 answers, 8 of them new; ")
    assert {tuple(row) for row in rows(output)} == {("sample_id", "draw", "text", "tokens", "finish")}
    predictions = list(read_predictions(output))
    assert len({(prediction.sample_id, prediction.draw) for prediction in predictions}) == 8
    assert {prediction.draw for prediction in predictions} == {0, 1}


def test_a_stopped_run_goes_on_where_it_stopped(data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    scribe.patience = 4
    with pytest.raises(ConnectionError):
        generate(asked(data_root, output))
    begun = output.read_text()
    assert begun.count("\n") == 4
    scribe.patience, scribe.asked = 1000, []
    generate(asked(data_root, output))
    assert output.read_text().startswith(begun)
    assert len(scribe.asked) == N_ROWS - 4
    assert len(set(keys(output))) == len(keys(output)) == N_ROWS
    assert generate(asked(data_root, output)) == f"{output}: complete with {N_ROWS} answers"
    assert len(scribe.asked) == N_ROWS - 4


def test_a_torn_last_line_is_dropped(data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    generate(asked(data_root, output))
    whole = output.read_bytes()
    output.write_bytes(whole[:-20])
    generate(asked(data_root, output))
    assert output.read_bytes() == whole


def test_a_request_has_the_same_seed_in_every_run(data_root, tmp_path, scribe):
    first = tmp_path / "a.jsonl"
    generate(asked(data_root, first, "temperature=1", "draws=3"))
    seeds = {request.key: request.seed for request in scribe.asked}
    assert len(set(seeds.values())) == 3 * N_ROWS
    scribe.asked = []
    generate(asked(data_root, tmp_path / "b.jsonl", "temperature=1", "draws=2", "limit=3"))
    assert all(seeds[request.key] == request.seed for request in scribe.asked)
    scribe.asked = []
    generate(asked(data_root, tmp_path / "c.jsonl", "temperature=1", "seed=1"))
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
def test_other_settings_do_not_touch_the_file(override, difference, data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    generate(asked(data_root, output))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    expected = f"{output} was written with {difference}; choose another output, or set force=true to start anew"
    with pytest.raises(UserError, match="^" + re.escape(expected) + "$"):
        generate(asked(data_root, output, override))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    generate(asked(data_root, output, override, "force=true"))
    generate(asked(data_root, output, override))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"text": "another program\'s"}\n',
            "exists, and no answers.jsonl.meta.json says how it was made",
        ),
        (b"", None),
    ],
)
def test_a_file_of_others_is_not_continued(content, message, data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    output.write_bytes(content)
    if message is None:
        generate(asked(data_root, output))
        assert len(rows(output)) == N_ROWS
    else:
        with pytest.raises(UserError, match=message):
            generate(asked(data_root, output))
        assert output.read_bytes() == content


def test_a_damaged_line_is_named(data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    generate(asked(data_root, output))
    lines = output.read_text().splitlines(keepends=True)
    output.write_text("".join([*lines[:2], "oops\n", *lines[3:]]))
    with pytest.raises(UserError, match=r"answers\.jsonl:3: not a row of answers; choose another output"):
        generate(asked(data_root, output))


def test_one_run_at_a_time(data_root, tmp_path, scribe):
    output = tmp_path / "answers.jsonl"
    with (
        AnswersFile(output, {}),
        pytest.raises(UserError, match=r"another run is writing .*answers\.jsonl; wait for it or choose"),
    ):
        generate(asked(data_root, output))
    generate(asked(data_root, output))


def test_a_backend_that_fails_to_open_leaves_nothing_or_what_was_there(data_root, tmp_path, scribe, monkeypatch):
    def fail(*_):
        raise UserError("no server")

    output = tmp_path / "answers.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(module, "open_backend", fail)
        with pytest.raises(UserError, match="no server"):
            generate(asked(data_root, output))
        assert not list(tmp_path.iterdir())
    generate(asked(data_root, output))
    before = output.read_bytes()
    monkeypatch.setattr(module, "open_backend", fail)
    with pytest.raises(UserError, match="no server"):
        generate(asked(data_root, output, "force=true"))
    assert output.read_bytes() == before


def test_rows_that_cannot_be_used_are_skipped_and_named(data_root, tmp_path, scribe, caplog):
    folder = tmp_path / "shapes" / "rl"
    folder.mkdir(parents=True)
    table = pq.read_table(data_root / "shapes" / "rl" / "val.parquet").to_pylist()
    table[2]["images"][0]["bytes"] = b"no image"
    pq.write_table(pa.Table.from_pylist(table), folder / "val.parquet")
    output = tmp_path / "answers.jsonl"
    assert generate(asked(tmp_path, output)).endswith("; 1 rows skipped: 2")
    assert len(rows(output)) == N_ROWS - 1
    assert "row 2 skipped: image: 8 bytes that do not decode" in caplog.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["output=null"], "name the file to write: output=FILE.jsonl"),
        (["draws=0"], "draws is 0; it is a whole number from 1"),
        (["draws=2"], "temperature=0 gives the same answer in every draw; set draws=1 or a temperature above 0"),
        (["limit=1.5"], "limit is 1.5; it is a whole number from 1, or null"),
        (["temperature=-1"], "temperature is -1; it is a number from 0 (greedy) to 2"),
        (["seed=x"], "seed is 'x'; it is a whole number from 0"),
        (["split=dev"], "has no split 'dev'; it has test, train, val"),
        (["dataset.name=dogs"], "dataset 'dogs' is not prepared ("),
        (["grammar=true", "codec.precisio=3"], "codec has no setting 'precisio'"),
    ],
)
def test_bad_settings_are_named_before_anything_is_opened(overrides, message, data_root, tmp_path, scribe):
    OmegaConf.set_struct(config := asked(data_root, tmp_path / "answers.jsonl"), False)
    for override in overrides:
        key, _, value = override.partition("=")
        OmegaConf.update(config, key, OmegaConf.create(f"[{value}]")[0])
    with pytest.raises(UserError, match=re.escape(message)):
        generate(config)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset.name=dogs"], "error: dataset 'dogs' is not prepared"),
        (["vlm.path=nowhere/at/all"], "error: no model folder nowhere/at/all; set vlm.path to a Hugging Face folder"),
        (["vlm.path=nobody/nothing"], "error: nobody/nothing is neither a folder here nor in the Hugging Face cache"),
        (["backend=openai", "backend.url=http://127.0.0.1:9/v1"], "error: no answer from http://127.0.0.1:9/v1 ("),
        (["backend=openai", "grammar=true"], "error: grammar=true needs backend=vllm"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments, message, data_root, tmp_path):
    output = tmp_path / "answers.jsonl"
    command = [sys.executable, "-m", "rollout.generate", f"data_root={data_root}", f"output={output}", *arguments]
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "no_proxy": "*"}
    failed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode == 2, failed.stderr
    assert failed.stderr.startswith(message)
    assert failed.stderr.count("\n") == 1
    assert not output.exists()
