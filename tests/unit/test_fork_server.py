"""The fork server: forks are what Python would have started, with more imported; where there is none, Python starts."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DRIVER = """
import sys
from hardware.fork_server import forking_python
print(forking_python(("early",), ("late",)), flush=True)
sys.stdin.read()
"""
PROGRAM = """
import json, os, random, signal, sys
import numpy
print(json.dumps({
    "name": __name__,
    "words": sys.argv[1:],
    "beside": sys.path[0],
    "directory": os.getcwd(),
    "said": sys.stdin.read(),
    "mine": os.environ.get("MINE"),
    "left over": os.environ.get("OF_THE_FIRST"),
    "forked": "late" in sys.modules,
    "seen at import": getattr(sys.modules.get("late"), "seen", None),
    "leads a group": os.getpgrp() == os.getpid(),
    "collects children": signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
    "random": [random.random(), numpy.random.rand()],
}))
print("to the other stream", file=sys.stderr)
"""


@pytest.fixture
def program(tmp_path) -> Path:
    (tmp_path / "early.py").write_text("import sys, numpy; assert 'late' not in sys.modules")
    (tmp_path / "late.py").write_text("import os; seen = os.environ.get('RAY_JOB_ID')")
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path / "program.py"


@pytest.fixture
def driver(program, repo_root) -> Iterator[subprocess.Popen]:
    paths = os.pathsep.join([str(repo_root), str(program.parent)])
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    with process:
        yield process


def start(driver: subprocess.Popen, program: Path, *words: str, job: str = "01", **variables: str) -> dict:
    """What the program says of itself, started as Ray starts a worker."""
    if not hasattr(driver, "python"):
        driver.python = driver.stdout.readline().strip()  # its server has not begun to listen
        folder = Path(driver.python.split()[-1]).parent
        deadline = time.monotonic() + 30
        while not (folder / "fork").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    done = subprocess.run(
        f"exec {driver.python} {program} {' '.join(words)}", shell=True, executable="/bin/bash", input="hello",
        cwd=program.parent.parent, capture_output=True, text=True, timeout=60,
        env=os.environ | {"RAY_JOB_ID": job, "RAY_RAYLET_PID": "7"} | variables,
    )  # fmt: skip
    assert done.stderr.endswith("to the other stream\n"), done.stderr
    return json.loads(done.stdout)


def await_end(process: psutil.Process) -> None:
    """A zombie has ended too: its parent, the driver, does not ask."""
    deadline = time.monotonic() + 30
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_forks_are_as_python_would_have_started_them(driver, program):
    first = start(driver, program, "--a", "b", MINE="1", OF_THE_FIRST="yes")
    assert (first["forked"], first["seen at import"], first["leads a group"]) == (True, "01", True)
    second = start(driver, program, "--a", "b", MINE="2")
    assert second["mine"] == "2" and second["left over"] is None
    plain = subprocess.run(
        [sys.executable, program, "--a", "b"], input="hello", cwd=program.parent.parent, capture_output=True, text=True,
        env=os.environ | {"MINE": "2"},
    )  # fmt: skip
    differ = {"forked", "seen at import", "leads a group", "random"}
    same = [
        {key: value for key, value in each.items() if key not in differ} for each in (second, json.loads(plain.stdout))
    ]
    assert same[0] == same[1]
    assert not set(first["random"]) & set(second["random"])


def test_another_ray_and_no_server_leave_it_to_python(driver, program):
    assert start(driver, program)["forked"]
    assert not start(driver, program, job="02")["forked"]
    assert start(driver, program)["forked"]
    server = psutil.Process(driver.pid).children()[0]
    server.kill()
    await_end(server)
    assert not start(driver, program, MINE="3")["forked"]


@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_module_that_cannot_be_imported_leaves_it_to_python(driver, program, error):
    """And ends the server: nothing is forked from what is half imported."""
    program.with_name("late.py").write_text(f"raise {error}('no such thing')")
    assert not start(driver, program)["forked"]
    (server,) = psutil.Process(driver.pid).children()
    await_end(server)
    assert not start(driver, program)["forked"]


def test_the_server_ends_with_its_driver_however_that_ends(driver, program):
    start(driver, program)
    (server,) = psutil.Process(driver.pid).children()
    driver.kill()
    driver.wait()
    await_end(server)
