"""What a run must find before it starts: memory, shared memory, free ports, the prepared dataset.

Why: each of these ends a run minutes later, in a worker, with somebody else's error or with none: a full /dev/shm is a
bus error, an out-of-memory kill is silence. How: `check_machine(config)` in `sft.train` and `rl.train`, before verl is
imported; `rollout.generate` asks for memory only. Raises UserError, one line that names what is missing and the way
out. The model is `vlm.checkpoint`'s.
"""

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import psutil
from omegaconf import DictConfig, OmegaConf

from polygon.errors import UserError

GB = 1e9
SHARED_MEMORY = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")
# Limit, usage, statistics, and there the page cache that the kernel would give back: cgroup v2, then v1.
CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def check_machine(config: DictConfig) -> None:
    """Raise UserError for the first thing that a run of this configuration (SFT or RL) would not find."""
    check_memory(config.hardware.min_memory_gb)
    check_shared_memory(needed_shared_memory_gb(config))
    if (dashboard := OmegaConf.select(config, "ray_kwargs.ray_init.dashboard_port")) is not None:
        check_port(dashboard, "ray_kwargs.ray_init.dashboard_port")
    # Rank 0 listens there; under torchrun its agent does so already.
    if os.environ.get("RANK") == "0" and "TORCHELASTIC_RUN_ID" not in os.environ:
        check_port(os.environ.get("MASTER_PORT"), "MASTER_PORT")
    check_dataset(config)


def free_memory_gb() -> float:
    """Memory a new process can have: what the machine has to spare, or less where a container's limit is nearer."""
    free = psutil.virtual_memory().available
    for limit, usage, statistics, reclaimable in CGROUP_FILES:
        try:
            cached = dict(line.split() for line in (CGROUP / statistics).read_text().splitlines())[reclaimable]
            used = int((CGROUP / usage).read_text()) - int(cached)
            free = min(free, int((CGROUP / limit).read_text()) - used)
        except (OSError, ValueError, KeyError):
            continue  # no such cgroup, or its limit is the word "max"
    return max(free, 0) / GB


def free_shared_memory_gb() -> float:
    return shutil.disk_usage(SHARED_MEMORY).free / GB


def check_memory(needed_gb: float) -> None:
    if (free := free_memory_gb()) < needed_gb:
        raise UserError(
            f"{free:.1f} GB of memory are free and this run needs {needed_gb:g} (hardware.min_memory_gb): "
            f"end other programs, give the container more memory, or set a lower number if you know better"
        )


def needed_shared_memory_gb(config: DictConfig) -> float:
    """Ray's object store, and on a CPU the buffer in which each actor hands its weights to vLLM; GB."""
    store = OmegaConf.select(config, "ray_kwargs.ray_init.object_store_memory") or 0
    buffer_mb = OmegaConf.select(config, "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes")
    buffers = (buffer_mb or 0) * 2**20 * config.hardware.devices if config.hardware.device == "cpu" else 0
    return max(config.hardware.min_shm_gb, (store + buffers) / GB)


def check_shared_memory(needed_gb: float) -> None:
    if (free := free_shared_memory_gb()) < needed_gb:
        raise UserError(
            f"{free:.2f} GB are free in {SHARED_MEMORY} and this run needs {needed_gb:.2f} (hardware.min_shm_gb, "
            f"or Ray's object store and the weights on their way to vLLM): start the container with "
            f"`docker run --shm-size={needed_gb + 1:.0f}g`, or delete what is in {SHARED_MEMORY}"
        )


def check_port(port: int | str | None, key: str, host: str = "") -> None:
    """Raise UserError if `port` of this machine cannot be listened on; `key` is the setting it comes from."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        try:
            candidate.bind((host, int(port)))
            return
        except (OverflowError, TypeError, ValueError) as error:
            raise UserError(f"{key}={port}: a port is a number from 1 to 65535") from error
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    raise UserError(f"{key}={port}: this port {why}; end the program that has it, or set {key}={free_port()}")


def free_port() -> int:
    with socket.socket() as anything:
        anything.bind(("", 0))
        return anything.getsockname()[1]


def dataset_files(config: DictConfig) -> Iterator[tuple[str, str]]:
    """(key, path) of each parquet file the run reads; a run that makes its samples itself has none."""
    for key in ("data.train_files", "data.val_files"):
        files = OmegaConf.select(config, key) or []
        yield from ((key, file) for file in ([files] if isinstance(files, str) else files))


def check_dataset(config: DictConfig) -> None:
    """Raise UserError with the command that prepares it for the first file that is not there."""
    folder = Path(config.data_root) / config.dataset.name
    root = "" if config.data_root == "outputs/data" else f" data_root={config.data_root}"
    for key, file in dataset_files(config):
        if glob(file):  # a file, a folder of shards, or a pattern for them
            continue
        if Path(file).is_relative_to(folder):
            raise UserError(f"{file} does not exist; prepare it: python -m data.prepare dataset={folder.name}{root}")
        raise UserError(f"{key}={file}: no such file; set {key} to a parquet file of `python -m data.prepare`")
