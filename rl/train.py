"""GSPO entry point: preflight, then verl on Ray with our trainer, rewards and agent loop, watched to its end.

    python -m rl.train vlm=tiny_qwen3_vl dataset=shapes hardware=cpu

Exit codes: 0 done, 1 the run failed or died, 2 it was refused before anything started, 130 Ctrl-C.
"""

import os
import sys

from omegaconf import DictConfig, OmegaConf

from hardware.checks import check_machine
from hardware.environment import apply_environment, open_run
from polygon.command import command
from rl.preflight import preflight
from vlm.checkpoint import find_model
from vlm.resumption import check_resumed


@command("rl")
def main(config: DictConfig) -> None:
    rewards = preflight(config)
    check_machine(config)
    apply_environment(config)
    folder = find_model(config.vlm.path).resolve()
    check_resumed(config.trainer, folder)
    config.vlm.path = str(folder)
    print(rewards.table(), flush=True)
    metrics = open_run(config)
    os.environ.setdefault("WANDB_DIR", str(metrics.parent))

    from rl.ray_session import RaySession
    from rl.watchdog import RunDied, run_watched

    stall_limit_s = config.hardware.stall_limit_s
    try:
        run_watched(lambda: start(config), RaySession(), progress=[metrics], stall_limit_s=stall_limit_s)
    except RunDied as died:
        print(f"error: {died}", file=sys.stderr)
        sys.exit(1)


def start(config: DictConfig):
    """Bring Ray up as verl's `run_ppo` does, and start the run; returns its ObjectRef."""
    import ray
    from verl.trainer.constants_ppo import get_ppo_ray_runtime_env
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config

    from rl.task_runner import PolygonTaskRunner

    validate_config(config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    runtime_env = get_ppo_ray_runtime_env(config)
    runtime_env["env_vars"]["TRANSFER_QUEUE_ENABLE"] = "1"
    options = OmegaConf.merge({"runtime_env": runtime_env}, config.ray_kwargs.ray_init)
    # Ray kills the children of a worker that has gone, and among them those that give back its shared memory. All of
    # them are ended by rl.processes anyway.
    os.environ.setdefault("RAY_kill_child_processes_on_worker_exit", "0")
    ray.init(**OmegaConf.to_container(options, resolve=True))
    start.runner = PolygonTaskRunner.remote()  # kept: an actor without a handle is ended
    return start.runner.run.remote(config)


if __name__ == "__main__":
    main()
