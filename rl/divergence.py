"""A run that diverges stops: gradients that are no numbers, or larger than any sound step's.

Why: verl skips an update whose gradient is not finite and goes on; from there the run's numbers mean nothing, and the
batch that did it is gone.
How: the trainer calls `check_update` after every update. The batch lies in the run folder then, with all that is needed
to repeat the update; the last checkpoint is of the step before it or earlier and stays as it is.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from tensordict import TensorDict

from polygon.errors import UserError

WATCHED = ("actor/grad_norm", "actor/pg_loss")
LARGEST_GRAD_NORM = 1e3
"""Before clipping. Sound steps of the tiny model have 0.5 to 2, those of large models less."""


def check_update(metrics: Mapping[str, float], step: int, folder: Path, batch: Callable[[], TensorDict]) -> None:
    """Raise UserError, with the batch saved in `folder`, where the metrics of an update are no sound ones."""
    bad = [name for name in WATCHED if not math.isfinite(metrics.get(name, 0.0))]
    if metrics.get(WATCHED[0], 0.0) > LARGEST_GRAD_NORM:
        bad = [WATCHED[0]]
    if not bad:
        return
    path = folder / f"diverged_step{step}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        name: value.unbind() if isinstance(value, torch.Tensor) else value.tolist() for name, value in batch().items()
    }
    torch.save(values, path)
    raise UserError(
        f"step {step}: {bad[0]} is {metrics[bad[0]]:g}, the run has diverged; its batch is in {path}, the last "
        "checkpoint is kept. Go on from it with a lower actor_rollout_ref.actor.optim.lr"
    )
