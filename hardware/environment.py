"""The environment variables of the `hardware` node, set before verl, vLLM and Ray read them at import."""

import gc
import importlib
import os
from pathlib import Path

from omegaconf import DictConfig

from hardware.fork_server import forking_python

REPOSITORY = Path(__file__).resolve().parent.parent


def apply_environment(config: DictConfig) -> None:
    """Set `hardware.env` where the environment does not say otherwise, and let Ray workers import this repository.

    Hydra has imported verl by then, to find its configuration: the plug-ins named there are imported here too.
    """
    for key, value in config.hardware.env.items():
        os.environ.setdefault(key, str(value))
    # A dependency of vLLM's server sets the root logger to ERROR when imported: skipped rows would not be told.
    os.environ.setdefault("SAGEMAKER_CONTAINER_LOG_LEVEL", "WARNING")
    paths = [str(REPOSITORY), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    if config.hardware.device == "cpu":
        # Ray would give each of its actors one thread.
        os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    for module in filter(None, os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")):
        importlib.import_module(module)


def preloaded_python(config: DictConfig) -> str | None:
    """The command by which Ray starts a run's workers, where `hardware.preload` says what they import; None: Python."""
    preload = config.hardware.preload
    return preload and forking_python(tuple(preload.without_ray), tuple(preload.with_ray))


def collect_garbage_rarely() -> None:
    """In a Ray worker, before torch, verl and vLLM: a tenth of their import is looking for garbage among what stays.

    Here since a worker imports the module of its hook first, and this one needs none of them.
    """
    gc.set_threshold(50_000, 50, 50)
