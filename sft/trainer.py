"""verl's SFT trainer on our FSDP engine."""

from verl.trainer.sft_trainer import SFTTrainer
from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group

import hardware.fsdp_engine  # noqa: F401 - registers the engine


def run_sft(config) -> None:
    initialize_global_process_group()
    SFTTrainer(config=config).fit()
    destroy_global_process_group()
