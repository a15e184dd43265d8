"""A run goes on from the last checkpoint in its folder: is that one of the same model?

    check_resumed(config.trainer, folder)

Why: verl looks for a checkpoint by itself, and where the folder is another model's it ends minutes later in a screen of
tensor shapes. How: by the Hugging Face weights in the checkpoint; one saved without them is left to verl.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polygon import UserError
from vlm.architecture import misfit
from vlm.checkpoint import INSIDE
from vlm.weights import tensor_shapes

TRACKER = "latest_checkpointed_iteration.txt"


def check_resumed(trainer: Mapping[str, Any], model: Path) -> None:
    """Raise UserError if the checkpoint that verl would go on from is not there, or of another model than `model`.

    Args:
        trainer: verl's node: resume_mode, resume_from_path, default_local_dir.
        model: a checked model folder.
    """
    checkpoint = resumed_from(trainer)
    inside = [checkpoint / name for name in INSIDE] if checkpoint else []
    weights = next((folder for folder in inside if any(folder.glob("*.safetensors"))), None)
    if weights is None:
        return
    config = json.loads((model / "config.json").read_text())
    if problem := misfit(tensor_shapes(weights), config.get("text_config") or config, config["vision_config"]):
        raise UserError(
            f"{checkpoint} is of another model than {model}: {problem}; "
            f"set run_dir to another folder to start anew, or vlm.path to the model that this run began with"
        )


def resumed_from(trainer: Mapping[str, Any]) -> Path | None:
    """The checkpoint folder that verl would load, or None for a run that starts from the beginning."""
    if trainer["resume_mode"] == "disable":
        return None
    if trainer.get("resume_from_path"):
        named = Path(trainer["resume_from_path"])
        if not (named.is_dir() and "global_step_" in str(named)):
            raise UserError(f"trainer.resume_from_path={named} is no checkpoint; name a folder global_step_N of a run")
        return named
    folder = Path(trainer["default_local_dir"])
    try:
        last = folder / f"global_step_{int((folder / TRACKER).read_text())}"
    except (OSError, ValueError):
        return None
    return last if last.is_dir() else None
