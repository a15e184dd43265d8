"""`rl.watchdog` on real processes and a stand-in for Ray: a death ends the run, and nothing outlives it."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from rl.watchdog import RunDied, Stall, run_watched

QUICK = {"poll_s": 0.02, "grace_s": 0.2}
SENT_HOME = SimpleNamespace(intended=True, detail="Worker exits because it was idle.")
DIED = SimpleNamespace(intended=False, detail="Worker unexpectedly exits with a connection error code 2.")


class Session:
    """Ray, as far as the watchdog knows it; what it waits for is a `Run`."""

    def __init__(self, logs: Path):
        self.folder, self.exits, self.outcome, self.stopped = logs, {}, "result", 0

    def wait(self, run: "Run", timeout_s: float) -> bool:
        return run.wait(timeout_s)

    def result(self, run):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def exit_of(self, pid: int):
        return self.exits.get(pid)

    def logs(self) -> Path:
        return self.folder

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def session(tmp_path) -> Session:
    return Session(tmp_path)


class Run:
    """Processes that call themselves `titles`. It loses one, and is over after `waits` waits (None: it hangs)."""

    def __init__(self, *titles: str, loses: str | None = None, waits: int | None = None):
        self.titles, self.loses, self.waits, self.waited = titles, loses, waits, 0
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self) -> "Run":
        self.processes = {title: subprocess.Popen([title, "60"], executable="/bin/sleep") for title in self.titles}
        return self

    def wait(self, timeout_s: float) -> bool:
        self.waited += 1
        if self.loses and self.waited == 3:  # it has been looked at twice
            self.processes[self.loses].kill()
            self.processes[self.loses].wait()  # collected by its parent, as by Ray's raylet
        time.sleep(timeout_s)
        return self.waits is not None and self.waited > self.waits

    def pid(self, title: str) -> int:
        return self.processes[title].pid

    def is_gone(self) -> bool:
        return all(process.wait(timeout=1) is not None for process in self.processes.values())


def test_the_result_comes_back_and_nobody_stays(session):
    run = Run("raylet", "ray::TaskRunner.run", "VLLM::EngineCore", waits=3)
    assert run_watched(run.start, session, **QUICK) == "result"
    assert session.stopped == 1
    assert run.is_gone()


@pytest.mark.parametrize("title", ["VLLM::EngineCore", "ray::WorkerDict.actor_rollout_update_actor", "raylet"])
def test_a_death_ends_a_run_that_hangs(session, title):
    run = Run("ray::TaskRunner.run", title, loses=title)
    with pytest.raises(RunDied, match=f"^{title} "):
        run_watched(run.start, session, **QUICK)
    assert session.stopped == 1
    assert run.is_gone()


def test_the_error_says_who_died_of_what_and_its_last_words(session, tmp_path):
    run = Run("ray::vLLMHttpServer", loses="ray::vLLMHttpServer")

    def start():
        run.start()
        pid = run.pid("ray::vLLMHttpServer")
        session.exits[pid] = DIED
        said = [":actor_name:vLLMHttpServer", *(f"line {number}" for number in range(50)), "MemoryError"]
        (tmp_path / f"worker-0a-01000000-{pid}.err").write_text("\n".join(said))
        (tmp_path / f"worker-0a-01000000-{pid}.out").write_text(":job_id:01000000\n")
        (tmp_path / f"worker-0b-01000000-{pid}1.err").write_text("of another worker")
        return run

    with pytest.raises(RunDied) as died:
        run_watched(start, session, **QUICK)
    head, cause, log, *tail = str(died.value).splitlines()
    assert head == f"ray::vLLMHttpServer (pid {run.pid('ray::vLLMHttpServer')}) died while the run was going on"
    assert cause == DIED.detail
    assert log.startswith("--- last lines of ")
    assert log.endswith(".err")
    assert tail == [*(f"line {number}" for number in range(31, 50)), "MemoryError"]


def test_an_engine_without_a_log_of_its_own_speaks_through_its_worker(session, tmp_path):
    run = Run("VLLM::EngineCore", loses="VLLM::EngineCore")
    (tmp_path / f"worker-0a-01000000-{psutil.Process().pid}.out").write_text("engine: out of KV cache\n")
    with pytest.raises(RunDied, match="engine: out of KV cache"):
        run_watched(run.start, session, **QUICK)


@pytest.mark.parametrize("title", ["ray::IDLE", "ray::IDLE_SpillWorker", "python"])
def test_idle_workers_and_strangers_may_go(session, title):
    run = Run("ray::TaskRunner.run", title, loses=title, waits=8)
    assert run_watched(run.start, session, **QUICK) == "result"


@pytest.mark.parametrize("who", ["itself", "parent"])
def test_a_worker_that_was_sent_home_may_go(session, who):
    run = Run("ray::reserve_port", loses="ray::reserve_port", waits=8)

    def start():
        run.start()
        session.exits[run.pid("ray::reserve_port") if who == "itself" else psutil.Process().pid] = SENT_HOME
        return run

    assert run_watched(start, session, **QUICK) == "result"


def test_ray_is_asked_for_no_records_when_their_keeper_is_dead(session):
    session.exit_of = lambda pid: pytest.fail("this call never returns")
    run = Run("gcs_server", loses="gcs_server")
    with pytest.raises(RunDied, match=r"^gcs_server "):
        run_watched(run.start, session, **QUICK)


def test_a_run_that_fails_by_a_death_says_who_died_and_its_own_error(session):
    session.outcome = ValueError("EngineDeadError")
    run = Run("VLLM::EngineCore", loses="VLLM::EngineCore", waits=3)
    with pytest.raises(RunDied, match=r"^VLLM::EngineCore (.|\n)*upon which the run failed\nEngineDeadError"):
        run_watched(run.start, session, **QUICK)
    assert run.is_gone()


def test_a_run_that_fails_while_all_live_fails_with_its_own_error(session):
    session.outcome = ValueError("a bug")
    run = Run("VLLM::EngineCore", waits=1)
    with pytest.raises(ValueError, match="a bug"):
        run_watched(run.start, session, **QUICK)
    assert run.is_gone()


def test_a_failed_start_leaves_nobody(session):
    """A ray.init that times out leaves its daemons, and ray.shutdown knows nothing of them."""
    run = Run("gcs_server")

    def start():
        run.start()
        raise OSError("Ray did not start")

    with pytest.raises(OSError, match="Ray did not start"):
        run_watched(start, session, **QUICK)
    assert session.stopped == 1
    assert run.is_gone()


def test_a_run_that_stands_still_is_given_up(session, tmp_path):
    run = Run("ray::TaskRunner.run")
    with pytest.raises(RunDied, match=r"for 0\.3 s nothing was written to .*metrics\.jsonl; .*hardware\.stall_limit_s"):
        run_watched(run.start, session, progress=[tmp_path / "metrics.jsonl"], stall_limit_s=0.3, **QUICK)
    assert run.is_gone()


def test_a_file_that_grows_is_progress(tmp_path):
    now, files = [0.0], [tmp_path / "metrics.jsonl", tmp_path / "train.log"]
    stall = Stall(files, limit_s=10, clock=lambda: now[0])
    for second in range(0, 60, 8):
        now[0] = second
        with files[second % 16 // 8].open("a") as file:
            file.write("step\n")
        stall.check()
    now[0] += 10
    stall.check()
    now[0] += 1
    with pytest.raises(RunDied):
        stall.check()


def test_without_a_limit_a_run_may_stand_still(tmp_path):
    now = [0.0]
    stall = Stall([tmp_path / "metrics.jsonl"], limit_s=None, clock=lambda: now[0])
    now[0] = 1e9
    stall.check()


DRIVER = """
import subprocess, sys, time
from types import SimpleNamespace
from rl.watchdog import run_watched

def start():
    worker = subprocess.Popen(["ray::WorkerDict", "60"], executable="/bin/sleep", start_new_session=True)
    print(worker.pid, flush=True)
    return worker  # dropped here, it would swallow a signal that comes while it is being deleted

def stop():
    print("stopping", flush=True)
    time.sleep(1)

session = SimpleNamespace(wait=lambda run, timeout_s: time.sleep(timeout_s), stop=stop)
run_watched(start, session, poll_s=0.1, grace_s=2)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_ends_the_whole_tree_however_often_it_comes(repo_root, number, code, interruptible):
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, "-c", DRIVER], cwd=repo_root, **output, **interruptible) as driver:
        worker = psutil.Process(int(driver.stdout.readline()))
        driver.send_signal(number)
        assert driver.stdout.readline() == "stopping\n"
        driver.send_signal(number)
        assert driver.wait(timeout=20) == code
    assert not worker.is_running()
