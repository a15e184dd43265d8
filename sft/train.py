"""SFT entry point: verl's SFT trainer under our configuration, on a CPU or under torchrun on GPUs.

python -m sft.train vlm=tiny_qwen3_vl dataset=shapes rows=stream hardware=cpu
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

from omegaconf import DictConfig

from conf import command
from hardware.job import may_start
from hardware.run_folder import open_run


@contextmanager
def single_process_environment() -> Iterator[None]:
    """What torchrun would set, for `python -m sft.train` without it; of each job of a sweep another port."""
    if "RANK" in os.environ:
        yield
        return
    port = str(random.SystemRandom().randint(20000, 60000))
    ours = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    ours |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


@command("sft")
def main(config: DictConfig) -> None:
    if not may_start(config):
        return
    with single_process_environment(), open_run(config, "sft") as metrics:
        import torch

        from evaluation.report.run_page import write_run_page
        from sft.trainer import run_sft

        torch.manual_seed(config.seed)
        run_sft(config)
        if os.environ["RANK"] == "0":
            write_run_page(metrics.parent)


if __name__ == "__main__":
    main()
