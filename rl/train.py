"""GSPO entry point: preflight, then verl on Ray with our trainer, rewards and agent loop, watched to its end.

    python -m rl.train vlm=tiny_qwen3_vl dataset=shapes hardware=cpu

Exit codes: 0 done, 1 the run failed or died, 2 it was refused before anything started, 130 Ctrl-C.
"""

import sys

from omegaconf import DictConfig

from conf import command
from hardware.environment import preloaded_python
from hardware.job import may_start
from hardware.run_folder import open_run
from hardware.sweep import sweeping
from rl.answer_lengths import check_answer_lengths
from rl.preflight import preflight


@command("rl")
def main(config: DictConfig) -> None:
    rewards = preflight(config)
    if not may_start(config):
        return
    print(rewards.table(), flush=True)
    preloaded_python(config)  # imports while we do
    check_answer_lengths(config)

    from evaluation.report.run_page import write_run_page
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
        write_run_page(metrics.parent)


if __name__ == "__main__":
    main()
