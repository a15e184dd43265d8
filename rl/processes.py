"""The processes of a run, as a tree that loses nobody: who is there, who has gone, and the end of all of them.

Why: a run is some twenty processes over three levels (driver -> raylet -> Ray workers -> vLLM's engine). When one in
the middle dies, those below it become orphans, and nobody who looks at the driver's children sees them again.
How: the driver adopts orphans (Linux's child subreaper) and remembers every descendant it has seen. Descendants only:
what was running before, or belongs to a Ray cluster that this process did not start, is left alone.
"""

import ctypes
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
LOOK_AGAIN_S = 0.1


@dataclass(frozen=True)
class Sighting:
    """What is known of a process. `title` is what it calls itself: `ray::TaskRunner.run`, `VLLM::EngineCore`.

    `fork`: it bears its parent's title, as a process that starts a program does for a moment; none of the run's own.
    """

    pid: int
    parent: int
    title: str
    signal: str | None = None  # that killed it, if known
    fork: bool = False


class ProcessTree:
    """Descendants of this process that were not there when the tree was made."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.root = psutil.Process()
        self.before = set(self.root.children(recursive=True))
        self.seen: dict[psutil.Process, Sighting] = {}

    def look(self) -> list[Sighting]:
        """Take in who is there; returns those who have gone since the last look, as they were seen, parents first."""
        for process in self.root.children(recursive=True):
            if process in self.before:
                continue
            with suppress(psutil.Error):  # it has just gone; as a zombie it has no title any more
                name, parent = title(process), psutil.Process(process.ppid())
                self.seen[process] = Sighting(process.pid, parent.pid, name, fork=name == title(parent))
        gone = [process for process in self.seen if not is_alive(process)]
        return [killed(self.seen.pop(process)) for process in gone]

    def end(self, grace_s: float = 10.0) -> list[Sighting]:
        """Terminate everybody, kill after `grace_s` who is still there; returns who outlived even that.

        Those that give back the shared memory of the killed are left until they have.
        """
        stages = ((psutil.Process.terminate, False), (psutil.Process.kill, True), (psutil.Process.kill, False))
        for act, spare in stages:
            self.look()
            for process in self.seen:
                with suppress(psutil.Error):
                    if not (spare and gives_back_memory(process)):
                        act(process)
            deadline = time.monotonic() + grace_s
            while self.seen and time.monotonic() < deadline:
                time.sleep(LOOK_AGAIN_S)
                self.look()
        for zombie in set(self.root.children()) - self.before:
            with suppress(ChildProcessError):  # nobody else will collect an orphan's exit status
                os.waitpid(zombie.pid, os.WNOHANG)
        return list(self.seen.values())


def title(process: psutil.Process) -> str:
    """Its first argument, which Ray and vLLM overwrite; of a program's path the last part: `raylet`."""
    command = process.cmdline()
    first = command[0].strip() if command else process.name()
    return first if "::" in first else Path(first).name


def gives_back_memory(process: psutil.Process) -> bool:
    """Whether it is Python's resource tracker, which cleans up behind its parent once that is gone."""
    return any("multiprocessing.resource_tracker" in word for word in process.cmdline())


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def killed(sighting: Sighting) -> Sighting:
    """With the signal that killed it, where nobody has collected its exit status yet."""
    try:
        status = int(Path(f"/proc/{sighting.pid}/stat").read_text().rpartition(" ")[2])
    except (OSError, ValueError):
        return sighting
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return replace(sighting, signal=signal.Signals(number).name) if number in set(signal.Signals) else sighting
