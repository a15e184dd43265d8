"""`rl.processes` on real processes: who has gone, of what, and that nobody is left."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from rl.processes import ProcessTree, Sighting

IGNORES_SIGTERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
FORKS = "import os, time; child = os.fork(); child and print(child, flush=True); time.sleep(60)"
LEAVES_AN_ORPHAN = """
import subprocess
orphan = subprocess.Popen(["VLLM::EngineCore", "60"], executable="/bin/sleep", stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
print(orphan.pid, flush=True)
"""


def sleeper(title: str) -> subprocess.Popen:
    """A process that calls itself `title`, as Ray's and vLLM's do."""
    return subprocess.Popen([title, "60"], executable="/bin/sleep")


@pytest.fixture
def tree():
    tree = ProcessTree()
    yield tree
    assert tree.end(grace_s=5) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_has_gone_is_reported_once_with_title_parent_and_signal(tree, number):
    worker = sleeper("ray::WorkerDict.update_actor")
    assert tree.look() == []
    worker.send_signal(number)
    while psutil.Process(worker.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    name = signal.Signals(number).name
    assert tree.look() == [Sighting(worker.pid, os.getpid(), "ray::WorkerDict.update_actor", name)]
    assert tree.look() == []
    worker.wait()


def test_a_title_is_the_last_one_seen(tree):
    script = 'import os, time; time.sleep(0.2); os.execv("/bin/sleep", ["ray::IDLE", "60"])'
    worker = subprocess.Popen([sys.executable, "-S", "-c", script])
    tree.look()
    while psutil.Process(worker.pid).cmdline()[0] != "ray::IDLE":
        time.sleep(0.01)
    tree.look()
    assert [sighting.title for sighting in tree.seen.values()] == ["ray::IDLE"]
    worker.kill()
    worker.wait()
    assert [gone.title for gone in tree.look()] == ["ray::IDLE"]


def test_a_process_about_to_start_a_program_is_a_fork_of_its_parent(tree):
    """Under load a look may fall between fork and exec; the end of such a child is no death of a worker."""
    with subprocess.Popen([sys.executable, "-S", "-c", FORKS], stdout=subprocess.PIPE, text=True) as worker:
        child = int(worker.stdout.readline())
        with sleeper("ray::WorkerDict") as other:
            tree.look()
            forks = {sighting.pid: sighting.fork for sighting in tree.seen.values()}
            assert forks[child] and not forks[other.pid]
            other.kill()
        worker.kill()


def test_an_orphan_nobody_has_seen_is_found_and_ended(tree):
    """Its parent came and went between two looks."""
    parent = subprocess.run([sys.executable, "-c", LEAVES_AN_ORPHAN], capture_output=True, text=True, check=True)
    orphan = psutil.Process(int(parent.stdout))
    assert orphan.is_running()
    assert tree.end(grace_s=5) == []
    assert not orphan.is_running()


def test_who_does_not_listen_is_killed(tree):
    with subprocess.Popen([sys.executable, "-c", IGNORES_SIGTERM], stdout=subprocess.PIPE) as deaf:
        deaf.stdout.readline()
        assert tree.end(grace_s=0.5) == []
        assert not psutil.pid_exists(deaf.pid)


def test_what_was_there_before_is_left_alone():
    with sleeper("ray::OfAnotherRun") as other:
        tree = ProcessTree()
        assert tree.end(grace_s=1) == []
        assert other.poll() is None
        other.kill()
