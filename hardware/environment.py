"""What a run finds around it: the environment variables of the `hardware` node, and its folder.

The variables are set before verl, vLLM and Ray read them at import; the folder appears once all checks are passed.
"""

import importlib
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from omegaconf import DictConfig, OmegaConf

from polygon.errors import UserError

REPOSITORY = Path(__file__).resolve().parent.parent


def apply_environment(config: DictConfig) -> None:
    """Set `hardware.env` where the environment does not say otherwise, and let Ray workers import this repository.

    Hydra has imported verl by then, to find its configuration: the plug-ins named there are imported here too.
    """
    for key, value in config.hardware.env.items():
        os.environ.setdefault(key, str(value))
    paths = [str(REPOSITORY), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    if config.hardware.device == "cpu":
        # Ray would give each of its actors one thread.
        os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    for module in filter(None, os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")):
        importlib.import_module(module)


def open_run(config: DictConfig) -> Path:
    """Make the folder of a run, with its resolved configuration, and have verl's file logger write there.

    Returns the metrics file. What an earlier run left of it is kept, numbered: verl empties the file when it opens it,
    a resumed run's too. Raises UserError for a folder that cannot be written.
    """
    file = Path(config.run_dir).resolve() / "metrics.jsonl"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if os.environ.get("RANK", "0") == "0":
            OmegaConf.save(config, file.with_name("config.yaml"), resolve=True)
            if file.exists():
                file.rename(file.with_name(f"metrics.{len(list(file.parent.glob('metrics.*.jsonl'))) + 1}.jsonl"))
    except OSError as error:
        raise UserError(f"cannot write {file.parent}: {error.strerror}; set run_dir to a writable folder") from error
    os.environ["VERL_FILE_LOGGER_PATH"] = str(file)
    if "WANDB_MODE" not in os.environ and not wandb_answers():
        os.environ["WANDB_MODE"] = "offline"  # `wandb sync` uploads later
    return file


def wandb_answers() -> bool:
    """Whether wandb has a key and a server to send metrics to; without one it ends the run after 90 s of trying."""
    if "WANDB_API_KEY" not in os.environ:
        return False
    try:
        urlopen(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"), timeout=5).close()
    except HTTPError:
        pass  # an answer too
    except OSError:
        return False
    return True
