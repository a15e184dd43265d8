"""Commands of this repository run by another of its commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from polygon import UserError


class Job(NamedTuple):
    """`python -m module overrides...`, whose output goes to `log`."""

    log: Path
    module: str
    overrides: tuple[str, ...]


def as_words(overrides: Mapping[str, Any]) -> list[str]:
    """Overrides for a command, `{trainer: {save_freq: 5}, algo: gspo}` as `trainer.save_freq=5 algo=gspo`."""
    found = []
    for key, value in overrides.items():
        if isinstance(value, Mapping):
            found += [f"{key}.{word}" for word in as_words(value)]
        else:
            found.append(f"{key}={value if isinstance(value, str | Path) else json.dumps(value)}")
    return found


def run(*jobs: Job, watch: Callable[[], None] | None = None) -> None:
    """Run the jobs side by side, each on its share of the cores; calls `watch()` while they run.

    Raises UserError if one of them fails.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // len(jobs))
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if len(jobs) > 1 else {})
    processes = []
    try:
        for job in jobs:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", job.module, *job.overrides]
            with job.log.open("wb") as stream:
                processes.append(subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=environment))
        while any(process.poll() is None for process in processes):
            time.sleep(0.5)
            if watch:
                watch()
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if watch:
        watch()
    for job, process in zip(jobs, processes, strict=True):
        if process.returncode:
            lines = job.log.read_text(errors="replace").splitlines()
            errors = [line for line in lines if line.startswith("error: ")] or lines[-1:] or ["no output"]
            ended = f"python -m {job.module} ended with {process.returncode}"
            raise UserError(f"{ended}: {errors[-1]} (the whole log: {job.log})")
