"""verl's SFT trainer on our FSDP engine, resumed wherever it stopped, with an order of samples for each seed."""

from verl.trainer.sft_trainer import SFTTrainer
from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group

import hardware.fsdp_engine  # noqa: F401 - registers the engine


class PolygonSFTTrainer(SFTTrainer):
    """verl 0.9.1's, with three things mended.

    - It goes on from a checkpoint at the very end of an epoch, whose data loader comes back exhausted: verl takes that
      for the next epoch and passes over it.
    - `trainer.seed` decides the order of samples: verl's sampler has seed 0 always, so that runs from one checkpoint
      were the same run under every seed.
    - A stream whose rows ask about one scene in succession keeps their order, so that they meet in a batch.
    """

    def _build_dataloader(self):
        super()._build_dataloader()
        self.train_sampler.seed = self.config.trainer.seed
        self.train_sampler.shuffle = getattr(self.train_dataset, "shuffle", True)

    def fit(self):
        if self.resume_global_step and self.resume_global_step % self.steps_per_epoch == 0:
            self._build_dataloader()
            self._build_ckpt_handler()  # it saves the state of the loader that it was made with
        super().fit()


def run_sft(config) -> None:
    initialize_global_process_group()
    try:
        PolygonSFTTrainer(config=config).fit()
    finally:
        destroy_global_process_group()  # a sweep goes on in this process
