"""Work shared out to processes: `for task, result in share(work, tasks, 2, progress.update): ...`.

Why: masks and polygons are a core's work in Python, so threads would wait for each other.  Processes are forked, hence
`work` may hold anything: what it refers to is read in place, not copied, and costs its memory once.
"""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

import cv2

from polygon import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")
Advance = Callable[[int], object]

_POLL_S = 0.5


def available_cores() -> int:
    return len(os.sched_getaffinity(0))


def share(
    work: Callable[[Task, Advance], Result], tasks: Sequence[Task], workers: int, advance: Advance
) -> Iterator[tuple[Task, Result]]:
    """Yield (task, work(task, advance)) as tasks finish, in any order; one worker is this process itself.

    `work` calls its second argument with the number of units done since the last time; they arrive at `advance`.
    An exception of `work` is raised here, after the tasks that run have ended.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from ((task, work(task, advance)) for task in tasks)
        return
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # a pool of threads does not survive a fork, and the cores are taken
    gc.freeze()  # or the collectors of the workers would write to everything there is, and so copy it
    context = get_context("fork")
    done, told = context.Value("q", 0), 0
    try:
        with ProcessPoolExecutor(workers, context, _Worker.adopt, (work, done)) as pool:
            pending = {pool.submit(_Worker.call, task): task for task in tasks}
            try:
                while pending:
                    finished, _ = wait(pending, _POLL_S, FIRST_COMPLETED)
                    now = done.value
                    advance(now - told)
                    told = now
                    for future in finished:
                        yield pending.pop(future), future.result()
            finally:
                pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as error:
        raise UserError("a worker was killed, probably for want of memory; go on with workers=1") from error
    finally:
        gc.unfreeze()
        cv2.setNumThreads(threads)


class _Worker:
    """What a worker process knows; class attributes, because a pool hands its processes functions by name only."""

    @classmethod
    def adopt(cls, work: Callable, done) -> None:
        cls.work, cls.done = staticmethod(work), done
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback; the parent has one to show
        parent = parent_process()
        assert parent is not None  # this is a worker
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()

    @classmethod
    def call(cls, task):
        return cls.work(task, cls.advance)

    @classmethod
    def advance(cls, n: int) -> None:
        with cls.done.get_lock():
            cls.done.value += n


def _follow(sentinel: int) -> None:
    """End with the parent: the pool's own pipes would keep orphans waiting for ever."""
    connection.wait([sentinel])
    os._exit(1)
