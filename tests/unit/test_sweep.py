"""A sweep in which a job fails: the others run, it is listed at the end, and the next call does what is not done."""

import pytest

from hardware.sweep import arm

COMMAND = """
from conf import command
from hardware.run_folder import open_run
from hardware.sweep import done_before, sweeping
from polygon import UserError

@command("tool")
def main(config):
    if sweeping() and done_before(config):
        return
    with open_run(config, "tool"):
        print("ran", 6 // config.steps)
        if config.steps == 1:
            raise UserError("one step is too few")

main()
"""
CONFIG = """
name: tool
steps: 3
extra: 0
run_dir: runs/${hydra:job.override_dirname}
data_root: data
dataset: {name: shapes}
log_to: [console]
trainer: {logger: "${log_to}"}
hydra:
  run: {dir: .}
  sweep: {dir: runs, subdir: .}
  job: {config: {override_dirname: {exclude_keys: [extra]}}}
  output_subdir: null
  callbacks: {sweep: {_target_: hardware.sweep.SweepReport}}
"""


def test_a_sweep_goes_on_and_is_continued(tool):
    run = tool(COMMAND, CONFIG)

    def sweep(*overrides: str) -> tuple[int, list[str], str]:
        ended = run("-m", *overrides)
        lines = [line for line in ended.stdout.splitlines() if line.startswith(("ran", "sweep:", "  "))]
        return ended.returncode, lines, ended.stderr

    code, lines, said = sweep("extra=7", "steps=2,1,0,3")
    assert lines == [
        "ran 3", "sweep: done: steps=2",
        "ran 6", "sweep: failed: steps=1: UserError: one step is too few",
        "sweep: failed: steps=0: ZeroDivisionError: integer division or modulo by zero",
        "ran 2", "sweep: done: steps=3",
        "sweep: 2 jobs done, 2 failed",
        "  steps=1: UserError: one step is too few",
        "  steps=0: ZeroDivisionError: integer division or modulo by zero",
    ]  # fmt: skip
    assert code == 2
    assert said.splitlines()[-1] == "error: one step is too few"

    code, lines, _ = sweep("extra=7", "steps=2,3,6")
    assert (code, lines[:3]) == (0, ["sweep: done: steps=2", "sweep: done: steps=3", "ran 1"])
    code, lines, _ = sweep("extra=8", "steps=2")
    assert code == 2
    assert "holds a finished run of other settings (extra)" in lines[0]


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "default"),
        (["experiment=rewards", "seed=2", "hardware.min_memory_gb=1", "+waive=[a.b]"], "default"),
        (["experiment=rewards", "rewards=iou_only", "seed=2"], "rewards-iou_only"),
        (["algo=grpo", "actor_rollout_ref.rollout.n=4"], "algo-grpo+rollout.n-4"),
        (["vlm.path=outputs/a b/c", "~rewards.format"], "vlm.path-outputs_a_b_c+rewards.format-"),
    ],
)
def test_an_arm_is_named_by_what_varies(overrides, name):
    assert arm(overrides) == name
