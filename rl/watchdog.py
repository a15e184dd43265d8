"""A run that ends: with its result, with its error, or with the name and last words of the process that died.

Why: verl waits for its workers without end. When vLLM's engine dies during a weight sync, or a worker is killed for
lack of memory, the run does not fail, it hangs; and what a failed run leaves behind holds memory and ports.
How: `run_watched(start, ...)` in `rl.train`. `start` brings Ray up and returns the ObjectRef of the run. Until that is
done the process tree under this driver is looked at every `poll_s`: a worker that has gone, and that Ray did not send
home, ends the run, and so does a metrics file that has stopped growing. On the way out, Ctrl-C and SIGTERM included,
Ray is shut down and every process of the run is ended.
On a Ray cluster that this process only joined the workers are not its own: there the stall limit alone watches.
"""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from polygon.errors import UserError
from rl.processes import ProcessTree, Sighting

DAEMONS = ("gcs_server", "raylet")
WATCHED = ("ray::", "VLLM::", *DAEMONS)
IDLE = "ray::IDLE"  # between two tasks: free to go
TAIL_LINES = 20


class RunDied(RuntimeError):
    """A process of the run died or the run stands still; the message says which one and what it logged last."""


def run_watched(
    start: Callable[[], Any],
    session: Any,
    *,
    progress: Iterable[Path] = (),
    stall_limit_s: float | None = None,
    grace_s: float = 15.0,
    poll_s: float = 2.0,
) -> Any:
    """Run what `start` starts to its end and return its result; afterwards nothing of it is left.

    Args:
        start: brings Ray up and returns the run's ObjectRef.
        session: a `RaySession` (rl/ray_session.py), or what stands in for one.
        progress: files that grow as the run goes on; with `stall_limit_s` seconds without growth the run is given up.
        grace_s: how long a run may take to notice the death of a worker by itself, and a process to end when asked to.
    Raises: RunDied, or whatever the run or `start` raises.
    """
    tree = ProcessTree()
    with ended_cleanly(tree, session, grace_s):
        run = start()
        exit_on_sigterm()  # again: ray.init has put in its own, which prints a stack trace
        return watch(run, session, tree, Stall(progress, stall_limit_s), grace_s, poll_s)


def watch(run: Any, session: Any, tree: ProcessTree, stall: "Stall", grace_s: float, poll_s: float) -> Any:
    """The result of `run`; raises RunDied if a watched process dies before that is there, or the run stands still."""
    dead: list[Sighting] = []
    while not session.wait(run, poll_s):
        dead += lost(tree)
        if not dead:
            stall.check()
        elif not session.wait(run, grace_s):
            dead = mourned(dead, session)
            if dead:
                raise RunDied(obituary(dead, session))
    try:
        return session.result(run)
    except UserError:
        raise
    except Exception as error:  # what fails for want of a dead worker seldom says so
        dead = mourned(dead + lost(tree), session)
        if not dead:
            raise
        raise RunDied(f"{obituary(dead, session)}\n--- upon which the run failed\n{error}") from error


def lost(tree: ProcessTree) -> list[Sighting]:
    """The watched processes that have gone since the last look."""
    return [gone for gone in tree.look() if is_watched(gone.title) and not gone.fork]


def mourned(dead: Sequence[Sighting], session: Any) -> list[Sighting]:
    """Those that were not sent home."""
    return [gone for gone in dead if not sent_home(gone, dead, session)]


def is_watched(title: str) -> bool:
    return title.startswith(WATCHED) and not title.startswith(IDLE)


def exit_of(pid: int, dead: Sequence[Sighting], session: Any) -> Any:
    """Ray's record of a worker's end, if it has one; not asked for when the one who keeps the records is dead."""
    return None if any(gone.title in DAEMONS for gone in dead) else session.exit_of(pid)


def sent_home(gone: Sighting, dead: Sequence[Sighting], session: Any) -> bool:
    """Whether Ray or its own program ended this worker, or the worker whose child it was."""
    ends = [exit_of(pid, dead, session) for pid in (gone.pid, gone.parent)]
    return any(end is not None and end.intended for end in ends)


def obituary(dead: Sequence[Sighting], session: Any) -> str:
    """Who died first and of what, as far as it is known, who followed, and the last lines it logged."""
    first, *others = dead
    end = exit_of(first.pid, dead, session)
    lines = [f"{first.title} (pid {first.pid}) died while the run was going on"]
    lines += [f"killed by {first.signal}"] if first.signal else []
    lines += [end.detail] if end else []
    lines += [f"after it: {other.title} (pid {other.pid})" for other in others]
    for log in log_files(first, session.logs()):
        if said := last_lines(log):
            lines += [f"--- last lines of {log}", *said]
    return "\n".join(lines)


def log_files(gone: Sighting, logs: Path) -> list[Path]:
    """A daemon's own, a worker's own, or those of the worker whose child it was: it writes to the same."""
    patterns = (
        [f"{gone.title}.err"] if gone.title in DAEMONS else [f"worker-*-{gone.pid}.*", f"worker-*-{gone.parent}.*"]
    )
    found = [sorted(logs.glob(pattern), reverse=True) for pattern in patterns]  # .out before .err
    return next(filter(None, found), [])


def last_lines(log: Path) -> list[str]:
    """The end of a log, without the lines, opened by a colon, in which Ray notes job, actor and task for itself."""
    with log.open(errors="replace") as lines:
        return list(deque((line.rstrip("\n") for line in lines if not line.startswith(":")), TAIL_LINES))


class Stall:
    """Watches files grow. Raises RunDied once none has for `limit_s` seconds; None: never."""

    def __init__(self, files: Iterable[Path], limit_s: float | None, clock: Callable[[], float] = time.monotonic):
        self.files, self.limit_s, self.clock = list(files), limit_s, clock
        self.sizes, self.since = self._sizes(), clock()

    def check(self) -> None:
        if (sizes := self._sizes()) != self.sizes:
            self.sizes, self.since = sizes, self.clock()
        elif self.limit_s is not None and self.clock() - self.since > self.limit_s:
            raise RunDied(
                f"the run stands still: for {self.limit_s:g} s nothing was written to "
                f"{', '.join(map(str, self.files))}; if a step takes longer than that, raise hardware.stall_limit_s"
            )

    def _sizes(self) -> Sequence[int]:
        return [file.stat().st_size if file.exists() else 0 for file in self.files]


@contextmanager
def ended_cleanly(tree: ProcessTree, session: Any, grace_s: float) -> Iterator[None]:
    """Whatever ends the block, and be it Ctrl-C or SIGTERM: Ray is shut down and nobody of `tree` is left behind it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    exit_on_sigterm()
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # the end takes seconds; an impatient second Ctrl-C must not stop it
        try:
            tree.look()
            session.stop()
        finally:
            for left in tree.end(grace_s):
                print(f"warning: {left.title} (pid {left.pid}) does not end, not even when killed", file=sys.stderr)
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)


def exit_on_sigterm() -> None:
    """Make SIGTERM an exception like Ctrl-C, with the exit code that shells give it."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
