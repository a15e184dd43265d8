"""Sweeps (`-m`): every job gets its turn, one that failed is listed at the end, one that is done is not done again.

`conf/rl.yaml` names `SweepReport` among Hydra's callbacks. Hydra's own launcher runs the jobs one after another in one
process, goes on after a failure and at the end raises the first.
"""

import atexit
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hardware.provenance import is_finished
from polygon.errors import UserError

NOT_VARIED = ("experiment", "retrain", "name", "arm", "seed", "run_dir", "data_root", "log_to", "waive", "hardware")


def sweeping() -> bool:
    """Whether this run is a job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def arm(overrides: Iterable[str]) -> str:
    """What a run of an experiment varies, from its overrides as typed: `algo-grpo+rollout.n-4`, or `default`.

    Keys keep their last two parts, and `=` becomes `-`: Hydra would not take it in a path. What only says which
    experiment, seed, folder and logger is left out.
    """
    pairs = (override.lstrip("+~").partition("=") for override in overrides)
    varied = [(key, value) for key, _, value in pairs if key.partition(".")[0] not in NOT_VARIED]
    words = (f"{'.'.join(key.split('.')[-2:])}-{value}" for key, value in varied)
    return re.sub(r"[^\w.+-]+", "_", "+".join(words)) or "default"


def name_arm(config: DictConfig) -> None:
    """Set `arm` where the configuration leaves it open; in an experiment `run_dir` is made of it."""
    if config.arm is None:
        config.arm = arm(HydraConfig.get().overrides.task)


def done_before(config: DictConfig) -> bool:
    """Whether the run's folder holds this very run, finished. Raises UserError where it holds another."""
    folder = Path(config.run_dir)
    if not is_finished(folder):
        return False
    then, now = OmegaConf.load(folder / "config.yaml"), OmegaConf.to_container(config, resolve=True)
    changed = differences(OmegaConf.to_container(then), now)
    if changed:
        raise UserError(
            f"{folder} holds a finished run of other settings ({', '.join(changed[:5])}): set name or run_dir to "
            "another folder, or delete it"
        )
    return True


def differences(a: Any, b: Any, key: str = "") -> list[str]:
    """The keys at which two configurations differ."""
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return [] if a == b else [key]
    keys = dict.fromkeys((*a, *b))
    return [each for name in keys for each in differences(a.get(name), b.get(name), f"{key}.{name}".lstrip("."))]


class SweepReport(Callback):
    """Says of every job of a sweep how it ended, and lists those that failed once more at the very end."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.n_ended = 0
        self.common: set[str] = set()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        self.common = set(config.hydra.overrides.task)  # as typed: those that vary are written otherwise in a job's own
        atexit.register(self.summary)  # Hydra has no such moment: it raises the first failure before on_multirun_end

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if not sweeping():
            return
        overrides = list(job_return.overrides or [])
        words = " ".join([word for word in overrides if word not in self.common] or overrides)  # all, of an only job
        self.n_ended += 1
        if job_return.status == JobStatus.COMPLETED:
            print(f"sweep: done: {words}", flush=True)
        else:
            error = job_return._return_value  # the property raises it
            self.failed.append(f"{words}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            print(f"sweep: failed: {self.failed[-1]}", flush=True)

    def summary(self) -> None:
        print(f"sweep: {self.n_ended - len(self.failed)} jobs done, {len(self.failed)} failed")
        for line in self.failed:
            print(f"  {line}")
