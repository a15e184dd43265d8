"""What the machine must have before a run starts: memory, shared memory, free ports, the dataset and the model.

Why: each of these ends a run minutes later, in a worker, with somebody else's error or with none: a full /dev/shm is a
bus error, an out-of-memory kill is silence. How: `check_machine(config)` in `sft.train` and `rl.train`, before verl is
imported. Raises UserError, one line that names what is missing and the way out.
"""

import errno
import os
import shutil
import socket
from collections.abc import Iterator
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
MODEL_KEYS = ("actor_rollout_ref.model.path", "model.path")


def check_machine(config: DictConfig) -> None:
    """Raise UserError for the first thing that a run of this configuration (SFT or RL) would not find."""
    check_memory(config.hardware.min_memory_gb)
    check_shared_memory(needed_shared_memory_gb(config))
    if (dashboard := OmegaConf.select(config, "ray_kwargs.ray_init.dashboard_port")) is not None:
        check_port(dashboard, "ray_kwargs.ray_init.dashboard_port")
    # torchrun's agent holds MASTER_PORT already, for the ranks it starts.
    if "MASTER_PORT" in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ:
        check_port(int(os.environ["MASTER_PORT"]), "MASTER_PORT")
    check_dataset(config)
    for key in MODEL_KEYS:
        if (path := OmegaConf.select(config, key)) is not None:
            check_model(path, key)


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


def check_port(port: int, key: str, host: str = "") -> None:
    """Raise UserError if `port` of this machine cannot be listened on; `key` is the setting it comes from."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free to a server
        try:
            candidate.bind((host, port))
            return
        except OverflowError as error:
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
        if Path(file).is_file():
            continue
        if Path(file).is_relative_to(folder):
            raise UserError(f"{file} does not exist; prepare it: python -m data.prepare dataset={folder.name}{root}")
        raise UserError(f"{key}={file}: no such file; set {key} to a parquet file of `python -m data.prepare`")


def check_model(path: str, key: str) -> None:
    """Raise UserError unless `path` is a folder, or a model of the Hugging Face hub, cached or within reach.

    What is in a folder is `vlm.checkpoint`'s to judge.
    """
    if Path(path).is_dir():
        return
    import huggingface_hub  # an engine's dependency; sft and rl have it, unit tests may not

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    try:
        huggingface_hub.hf_hub_download(path, "config.json", local_files_only=offline)
    except (OSError, ValueError) as error:
        why = "HF_HUB_OFFLINE=1 forbids to ask the hub" if offline else f"the hub says: {str(error).splitlines()[0]}"
        out = "; HF_HUB_OFFLINE=0 in the environment allows it" if offline else ""
        raise UserError(
            f"{key}={path}: no such folder and no such model in the Hugging Face cache, and {why}; "
            f"set {key} to a folder with a model{out}"
        ) from error
