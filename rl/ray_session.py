"""The Ray of a run: brought up, started on, asked by the watchdog, stopped.

The worker table is Ray's own record of exits (its private API; the version of Ray is pinned): it tells a worker that
was sent home from one that died.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf
from ray import PlacementGroupID
from ray._private import state, worker
from ray.core.generated.common_pb2 import WorkerExitType
from ray.core.generated.gcs_pb2 import WorkerTableData
from ray.exceptions import RayTaskError
from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group
from verl.trainer.constants_ppo import get_ppo_ray_runtime_env
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.utils.config import validate_config

from hardware.environment import collect_garbage_rarely, preloaded_python
from hardware.run_folder import LOGGER_VARIABLES
from polygon.errors import UserError
from rl.task_runner import PolygonTaskRunner


@dataclass(frozen=True)
class Exit:
    """How a Ray worker ended: `intended` by Ray or its own program, `detail` in Ray's words."""

    intended: bool
    detail: str


def ray_up(config: DictConfig) -> None:
    """Start Ray, or join a cluster, as verl's `run_ppo` does, unless this process has done so already."""
    if ray.is_initialized():
        return
    runtime_env = get_ppo_ray_runtime_env(config)
    runtime_env["env_vars"]["TRANSFER_QUEUE_ENABLE"] = "1"
    merged = OmegaConf.merge({"runtime_env": runtime_env}, config.ray_kwargs.ray_init)
    options = OmegaConf.to_container(merged, resolve=True)
    options["runtime_env"].setdefault("worker_process_setup_hook", collect_garbage_rarely)
    if python := preloaded_python(config):
        options["runtime_env"].setdefault("py_executable", python)
    # Ray kills the children of a worker that has gone, and among them those that give back its shared memory. All of
    # them are ended by rl.processes anyway.
    os.environ.setdefault("RAY_kill_child_processes_on_worker_exit", "0")
    ray.init(**options)


class RaySession:
    """A run on the Ray instance that this process started or joined.

    One that was up before, as between the jobs of a sweep, is left up.
    """

    def __init__(self) -> None:
        self.runner = None  # an actor without a handle is ended
        self.was_up = ray.is_initialized()
        self.groups_before = set(placement_groups()) if self.was_up else set()

    def start(self, config: DictConfig) -> ray.ObjectRef:
        """Start the run, whose loggers find their settings in this process's environment."""
        validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
        ray_up(config)
        variables = {name: os.environ[name] for name in LOGGER_VARIABLES if name in os.environ}
        self.runner = PolygonTaskRunner.options(runtime_env={"env_vars": variables}).remote()
        return self.runner.run.remote(config)

    def wait(self, run: ray.ObjectRef, timeout_s: float) -> bool:
        """Whether the run is over, waiting for it at most `timeout_s`."""
        return bool(ray.wait([run], timeout=timeout_s)[0])

    def result(self, run: ray.ObjectRef) -> Any:
        """What the run returns. Bad input that a worker finds, a key unknown to verl too, is raised as it was there."""
        try:
            return ray.get(run)
        except RayTaskError as error:
            cause = error
            while isinstance(cause, RayTaskError):
                cause = cause.cause
            if isinstance(cause, UserError | CompactHydraException):
                raise cause from None
            raise

    def exit_of(self, pid: int) -> Exit | None:
        """None for a process that is no Ray worker, or whose end Ray has not noticed."""
        rows = map(WorkerTableData.FromString, state.state._connect_and_get_accessor().get_worker_table())
        rows = sorted((row for row in rows if row.pid == pid and not row.is_alive), key=lambda row: row.end_time_ms)
        if not rows:
            return None
        intended = (WorkerExitType.INTENDED_SYSTEM_EXIT, WorkerExitType.INTENDED_USER_EXIT)
        return Exit(rows[-1].exit_type in intended, rows[-1].exit_detail)

    def logs(self) -> Path:
        return Path(worker.global_worker.node.get_logs_dir_path())

    def stop(self) -> None:
        """End what the run started; an actor takes those that it has started with it."""
        if not self.was_up:
            ray.shutdown()
        elif self.runner is not None:
            ray.kill(self.runner)
            for group in set(placement_groups()) - self.groups_before:  # verl detaches them
                remove_placement_group(PlacementGroup(PlacementGroupID.from_hex(group)))


def placement_groups() -> list[str]:
    """Of all runs on this Ray, by their id in hexadecimal digits."""
    return [group for group, facts in placement_group_table().items() if facts["state"] != "REMOVED"]
