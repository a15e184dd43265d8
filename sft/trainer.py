"""verl's SFT trainer, with named parameters for the optimiser, so that Muon can tell a matrix from a table."""

from verl.trainer.sft_trainer import SFTTrainer
from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group
from verl.workers.config.optimizer import build_optimizer


class NamedParametersTrainer(SFTTrainer):
    """`SFTTrainer` whose engine hands (name, parameter) pairs to the optimiser; torch's optimisers take them too."""

    def _build_engine(self):
        super()._build_engine()
        engine = self.engine
        engine._build_optimizer = lambda module: build_optimizer(module.named_parameters(), engine.optimizer_config)


def run_sft(config) -> None:
    initialize_global_process_group()
    NamedParametersTrainer(config=config).fit()
    destroy_global_process_group()
