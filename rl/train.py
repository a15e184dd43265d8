"""GSPO entry point: preflight, then verl on Ray with our trainer, rewards and agent loop, watched to its end.

    python -m rl.train vlm=tiny_qwen3_vl dataset=shapes hardware=cpu

Exit codes: 0 done, 1 the run failed or died, 2 it was refused before anything started, 130 Ctrl-C.
"""

import sys

from omegaconf import DictConfig

from conf import command
from hardware.checks import check_machine
from hardware.environment import apply_environment
from hardware.run_folder import open_run
from hardware.sweep import done_before, name_arm, sweeping
from rl.preflight import preflight
from vlm.checkpoint import find_model
from vlm.resumption import check_resumed


@command("rl")
def main(config: DictConfig) -> None:
    name_arm(config)
    rewards = preflight(config)
    apply_environment(config)
    folder = find_model(config.vlm.path).resolve()
    config.vlm.path = str(folder)
    config.run_dir = str(config.run_dir)  # Hydra's own resolver, in the name of a sweep's job, ends with this process
    if sweeping() and done_before(config):
        print(f"{config.run_dir} is done: skipped", flush=True)
        return
    check_machine(config)
    check_resumed(config.trainer, folder)
    print(rewards.table(), flush=True)

    from rl.ray_session import RaySession, ray_up
    from rl.watchdog import RunDied, run_watched

    with open_run(config, "rl") as metrics:
        if sweeping():
            ray_up(config)  # outside the watched run, which ends all that it started: the next job needs it
        session, stall_limit_s = RaySession(), config.hardware.stall_limit_s
        try:
            run_watched(lambda: session.start(config), session, progress=[metrics], stall_limit_s=stall_limit_s)
        except RunDied as died:
            if sweeping():
                raise
            print(f"error: {died}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
