"""What both stages do before a run: name it, set its environment, find its model, see whether it may start."""

from omegaconf import DictConfig

from hardware.checks import check_machine
from hardware.environment import apply_environment
from hardware.sweep import done_before, name_arm, sweeping
from vlm.checkpoint import find_model
from vlm.resumption import check_resumed


def may_start(config: DictConfig) -> bool:
    """Settle `arm`, `vlm.path` and `run_dir`, and check machine and model; False for a job of a sweep that is done.

    Raises UserError for what a run would not find, and for a folder that holds another run.
    """
    name_arm(config)
    apply_environment(config)
    folder = find_model(config.vlm.path).resolve()
    config.vlm.path = str(folder)
    config.run_dir = str(config.run_dir)  # Hydra's own resolver, in the name of a sweep's job, ends with this process
    if sweeping() and done_before(config):
        print(f"{config.run_dir} is done: skipped", flush=True)
        return False
    check_machine(config)
    check_resumed(config.trainer, folder)
    return True
