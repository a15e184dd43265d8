"""SFT entry point: verl's SFT trainer under our configuration, on a CPU or under torchrun on GPUs.

python -m sft.train vlm=tiny_qwen3_vl dataset=shapes rows=stream hardware=cpu
"""

import os
import random

from omegaconf import DictConfig

from conf import command
from hardware.checks import check_machine
from hardware.environment import apply_environment
from hardware.run_folder import open_run
from hardware.sweep import done_before, name_arm, sweeping
from vlm.checkpoint import find_model
from vlm.resumption import check_resumed


def single_process_environment() -> None:
    """What torchrun would set, for `python -m sft.train` without it."""
    if "RANK" not in os.environ:
        os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", LOCAL_WORLD_SIZE="1")
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(random.SystemRandom().randint(20000, 60000)))


@command("sft")
def main(config: DictConfig) -> None:
    name_arm(config)
    apply_environment(config)
    folder = find_model(config.vlm.path).resolve()
    config.vlm.path = str(folder)
    config.run_dir = str(config.run_dir)  # Hydra's own resolver, in the name of a sweep's job, ends with this process
    if sweeping() and done_before(config):
        print(f"{config.run_dir} is done: skipped", flush=True)
        return
    check_machine(config)
    check_resumed(config.trainer, folder)
    single_process_environment()
    with open_run(config, "sft"):
        import torch

        from sft.trainer import run_sft

        torch.manual_seed(config.seed)
        run_sft(config)


if __name__ == "__main__":
    main()
