"""What the watchdog asks of Ray: is the run over, what did it return, why did a worker go, where are its logs, stop.

The worker table is Ray's own record of exits (its private API; the version of Ray is pinned): it tells a worker that
was sent home from one that died.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from hydra.errors import CompactHydraException
from ray._private import state, worker
from ray.core.generated.common_pb2 import WorkerExitType
from ray.core.generated.gcs_pb2 import WorkerTableData
from ray.exceptions import RayTaskError

from polygon.errors import UserError


@dataclass(frozen=True)
class Exit:
    """How a Ray worker ended: `intended` by Ray or its own program, `detail` in Ray's words."""

    intended: bool
    detail: str


class RaySession:
    """The Ray instance that this process started or joined."""

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
        ray.shutdown()
