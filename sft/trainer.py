"""verl's SFT trainer on our FSDP engine, resumed wherever it stopped."""

from verl.trainer.sft_trainer import SFTTrainer
from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group

import hardware.fsdp_engine  # noqa: F401 - registers the engine


class ResumedTrainer(SFTTrainer):
    """verl's, which also goes on from a checkpoint at the very end of an epoch.

    Its data loader comes back exhausted from there: verl 0.9.1 takes that for the next epoch and passes over it.
    """

    def fit(self):
        if self.resume_global_step and self.resume_global_step % self.steps_per_epoch == 0:
            self._build_dataloader()
            self._build_ckpt_handler()  # it saves the state of the loader that it was made with
        super().fit()


def run_sft(config) -> None:
    initialize_global_process_group()
    try:
        ResumedTrainer(config=config).fit()
    finally:
        destroy_global_process_group()  # a sweep goes on in this process
