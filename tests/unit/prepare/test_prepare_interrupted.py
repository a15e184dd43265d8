"""`data.prepare` when it is interrupted: by a full disk, a worker that is killed, a parent that is."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data import prepare as module
from data.prepare import prepare
from polygon import UserError


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_run_goes_on_at_the_first_unfinished_shard(
    tmp_path, rows, monkeypatch, workers, config, contents
):
    expected = contents(prepare(config(tmp_path, rows, data_root=str(tmp_path / "whole"))))
    real, written = module.write_parquet, tmp_path / "written"

    def until(last: str):
        def write(path, *arguments):
            if f"{path.parent.parent.name}/{path.parent.name}/{path.name[:5]}" == last:
                raise OSError(28, "No space left on device")
            with written.open("a") as log:
                log.write(f"{path.parent.parent.name}/{path.parent.name}/{path.name[:5]}\n")
            return real(path, *arguments)

        return write

    monkeypatch.setattr(module, "write_parquet", until("rl/train/00002"))
    with pytest.raises(UserError, match="No space left on device"):
        prepare(config(tmp_path, rows, workers=workers))
    assert not (tmp_path / "data/listed").exists()
    before = set(written.read_text().split())
    assert before
    partial = tmp_path / "data/.listed.partial"
    with (partial / "journal.jsonl").open("a") as journal:
        journal.write('{"name": "sft/tr')  # killed while it was writing a line
    cut = partial / f"sft/train/{sorted((partial / 'sft/train').glob('*.parquet'))[0].name}"
    cut.write_bytes(cut.read_bytes()[:-1] + b"!")  # as long as it was, but damaged
    written.unlink()
    monkeypatch.setattr(module, "write_parquet", until("none"))
    monkeypatch.setattr("data.validate.check", lambda *_: pytest.fail("checked again"))
    assert contents(prepare(config(tmp_path, rows, workers=workers))) == expected
    assert f"sft/train/{cut.name[:5]}" in set(written.read_text().split())
    if workers == 1:
        assert before & set(written.read_text().split()) == {f"sft/train/{cut.name[:5]}"}


def test_a_dead_worker_is_named_and_its_shard_made_by_the_next_run(tmp_path, rows, monkeypatch, config):
    real = module.write_parquet

    def die(path, *arguments):
        if multiprocessing.parent_process() is not None and path.name.startswith("00002"):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_parquet", die)
        with pytest.raises(UserError, match="a worker was killed, probably for want of memory; go on with workers=1"):
            prepare(config(tmp_path, rows, workers=2))
    assert len(pq.read_table(prepare(config(tmp_path, rows)) / "sft/train")) == 54


def test_workers_end_with_a_killed_parent(tmp_path, repo_root):
    script = f"""
import os, time
from data.workers import share
def work(task, advance):
    open({str(tmp_path)!r} + f"/{{os.getpid()}}", "w").close()
    time.sleep(120)
list(share(work, [1, 2], 2, int))
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=repo_root) as parent:
        while len(workers := [int(file.name) for file in tmp_path.iterdir()]) < 2:
            assert parent.poll() is None
            time.sleep(0.05)
        parent.kill()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "orphans are left"
        time.sleep(0.05)
