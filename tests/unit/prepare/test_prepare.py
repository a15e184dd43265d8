"""`data.prepare`: whole or nothing, the same bytes every time, cheap when there is nothing to do."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from data import prepare as module
from data.prepare import prepare
from data.task import TASKS
from polygon import Target, UserError

ROOT = Path(__file__).parents[3]
SIZES = ["dataset.sizes.sft={train: 40, val: 5}", "dataset.sizes.rl={train: 12, val: 6, test: 4}"]
SMALL = [*SIZES, "card=null"]
FILES = {"sft/train": 40, "sft/val": 5, "rl/train": 12, "rl/val": 6, "rl/test": 4}


def config(data_root: Path, *overrides: str) -> dict:
    return {**composed(*overrides), "data_root": str(data_root), "workers": 1}


@cache
def composed(*overrides: str) -> dict:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return OmegaConf.to_container(compose("prepare", [*SMALL, *overrides]), resolve=True)


def command(*arguments: str, **options) -> subprocess.CompletedProcess:
    arguments = [sys.executable, "-m", "data.prepare", *arguments]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, **options)


def test_files_hold_the_rows_that_verl_reads(tmp_path):
    folder = prepare(config(tmp_path, "dataset=shapes_hard", "dataset.answers=varied"))
    for name, n_rows in FILES.items():
        rows = pq.read_table(folder / name).to_pylist()
        assert len(rows) == n_rows
        assert all(row["images"][0]["bytes"].startswith(b"\x89PNG") for row in rows)
        key = "messages" if name.startswith("sft") else "prompt"
        assert all(row[key][0]["role"] == "user" and row[key][0]["content"].startswith("<image>") for row in rows)
    rows = pq.read_table(folder / "rl/val").to_pylist()
    assert [row["extra_info"]["index"] for row in rows] == list(range(6))
    targets = [Target.from_json(row["reward_model"]["ground_truth"]) for row in rows]
    assert {target.task for target in targets} == {row["ability"] for row in rows} == {"text2mask"}
    sft = pq.read_table(folder / "sft/train").to_pylist()
    assert {row["sample_id"].split("/")[2] for row in sft} == set(TASKS)
    assert any(not row["messages"][1]["content"].startswith("[") for row in sft), "answers=varied has no lead-in"


def test_the_same_command_gives_the_same_bytes(tmp_path, contents):
    first, second = (prepare(config(tmp_path / name)) for name in ("a", "b"))
    assert contents(first) == contents(second)
    assert contents(first) != contents(prepare(config(tmp_path / "c", "dataset.source.seed=1")))


def test_a_second_call_writes_nothing_unless_something_changed(tmp_path, monkeypatch):
    folder = prepare(config(tmp_path))
    inode = folder.stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_parquet", lambda *_: pytest.fail("wrote again"))
        prepare(config(tmp_path))
    prepare(config(tmp_path), force=True)
    assert folder.stat().st_ino != inode
    (folder / "rl/val/00000-of-00001.parquet").write_bytes(b"cut")
    prepare(config(tmp_path))
    assert pq.read_metadata(folder / "rl/val/00000-of-00001.parquet").num_rows == 6
    prepare(config(tmp_path, "codec.precision=3"))
    assert json.loads((folder / "manifest.json").read_text())["config"]["codec"]["precision"] == 3


def test_a_failure_leaves_the_old_dataset_as_it_was(tmp_path, monkeypatch, contents):
    before = contents(prepare(config(tmp_path)))
    real = module.write_parquet

    def disk_full(path, *arguments):
        if path.parent.name == "test":
            raise OSError(28, "No space left on device")
        return real(path, *arguments)

    monkeypatch.setattr(module, "write_parquet", disk_full)
    with pytest.raises(UserError, match=r"cannot write .*shapes: No space left on device; set data_root"):
        prepare(config(tmp_path), force=True)
    assert contents(tmp_path / "shapes") == before
    monkeypatch.setattr(module, "write_parquet", real)
    prepare(config(tmp_path), force=True)
    assert contents(tmp_path / "shapes") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".shapes.lock", "shapes"]


def test_a_killed_run_leaves_nothing_half_written_and_the_next_goes_on(tmp_path, contents):
    size = ["dataset.sizes.sft.train=200", "shard_rows=50"]
    arguments = [sys.executable, "-m", "data.prepare", *SMALL, *size, f"data_root={tmp_path}"]
    shards = tmp_path / ".shapes.partial/sft/train"
    with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        while not (shards / "00000-of-00004.parquet").exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "shapes").exists()
    folder = prepare(config(tmp_path, *size))
    assert contents(folder) == contents(prepare(config(tmp_path / "again", *size)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".shapes.lock", "again", "shapes"]


def test_ctrl_c_says_how_to_go_on(tmp_path, interruptible):
    size = ["dataset.sizes.sft.train=100000", "workers=2", f"data_root={tmp_path}"]
    options = {"cwd": ROOT, "stderr": subprocess.PIPE, "text": True, "start_new_session": True, **interruptible}
    with subprocess.Popen([sys.executable, "-m", "data.prepare", *size], **options) as process:
        while not list((tmp_path / ".shapes.partial").glob("sft/train/*.unfinished")):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message.splitlines()[-1] == "stopped; give the same command again to go on"
    assert "Traceback" not in message


def test_what_a_killed_run_of_another_configuration_left_is_removed(tmp_path, contents):
    (tmp_path / ".shapes.partial/sft").mkdir(parents=True)
    (tmp_path / ".shapes.partial/journal.jsonl").write_text('{"fingerprint": "another"}\n')
    assert len(contents(prepare(config(tmp_path)))) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [".shapes.lock", "shapes"]


def test_a_run_killed_while_it_replaced_the_folder_loses_nothing(tmp_path, contents):
    folder = prepare(config(tmp_path))
    before = contents(folder)
    folder.rename(tmp_path / ".shapes.old")
    (tmp_path / ".shapes.partial").mkdir()
    assert contents(prepare(config(tmp_path))) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".shapes.lock", "shapes"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"sizs": {}}}, "dataset.sizs: unknown key; known: name, source, answers, sizes, images, "),
        ({"dataset": {"name": "../up"}}, "dataset.name: '../up' names a folder"),
        ({"dataset": {"answers": "chatty"}}, "dataset.answers: 'chatty' is unknown; known: bare, varied"),
        ({"dataset": {"sizes": {"sft": {"train": 0}}}}, "dataset.sizes.sft.train: 0 is not a number of rows from 1"),
        ({"dataset": {"sizes": {"sft": {"train": None}}}}, "dataset.sizes.sft.train: shapes is endless; give a number"),
        (
            {"dataset": {"sizes": {"sft": {"dev": 9}}}},
            "dataset.sizes.sft.dev: shapes has no such split; it has train, val",
        ),
        ({"dataset": {"sizes": {"dpo": {"train": 9}}}}, "dataset.sizes.dpo: unknown stage; known: sft, rl"),
        ({"dataset": {"sizes": {"sft": None}}}, "dataset.sizes asks for no rows"),
        ({"dataset": {"images": "referenced"}}, "dataset.images: 'referenced' is unknown; known: embedded"),
        ({"dataset": {"leakage": "hide"}}, "dataset.leakage: 'hide' is unknown; known: drop, keep"),
        ({"dataset": {"leakage_against": [{"kind": "shapes"}]}}, "dataset.leakage_against: shapes is made up"),
        ({"workers": 0}, "workers is 0; it is a number of processes from 1"),
        ({"shard_rows": True}, "shard_rows is True; it is a number of rows from 1"),
        ({"max_bad_share": 2}, "max_bad_share is 2; it is a share from 0 to 1"),
        ({"dataset": {"source": {"kind": "shapez"}}}, "dataset.source.kind: 'shapez' is unknown; known: shapes"),
        ({"dataset": {"source": {"kind": "shapes", "size": 9}}}, "dataset.source.size: unknown key"),
        ({"task": {"weights": {"mask2text": 1}}}, "task.weights: unknown task 'mask2text'"),
        ({"rl_task": "text2box"}, "rl_task=text2box is no mix of tasks; choose an option of conf/task"),
        ({"codec": {"epsilom": 1}}, "codec has no setting 'epsilom'"),
    ],
)
def test_bad_configuration_is_named_before_anything_is_written(tmp_path, changes, message):
    good = config(tmp_path)
    merged = {key: {**good[key], **value} if isinstance(value, dict) else value for key, value in changes.items()}
    bad = {**good, **merged}
    with pytest.raises(UserError, match="^" + re.escape(message)):
        prepare(bad)
    assert not list(tmp_path.iterdir())


def test_the_command_prepares_and_reports(tmp_path):
    done = command(*SIZES, "card.sheet=4", "workers=1", f"data_root={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "rl/train: 12 rows in 1 files" in done.stdout
    assert "shapes: describing: 100%" in done.stderr


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for argument, message in (
        ("task.weights.text2mask=-1", "error: task.weights.text2mask: -1 is not a number >= 0"),
        (f"data_root={tmp_path}/file", f"error: cannot write {tmp_path}/file: File exists; set data_root"),
    ):
        failed = command(*SMALL, argument)
        assert failed.returncode == 2
        assert failed.stderr.startswith(message)
        assert failed.stderr.count("\n") == 1
