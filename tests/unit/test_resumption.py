"""`vlm.resumption`: which checkpoint a run goes on from, and that it is of the run's own model."""

import json
import shutil
from pathlib import Path

import pytest

from polygon import UserError
from vlm.resumption import TRACKER, check_resumed, resumed_from

MODEL = "models/tiny_qwen3_vl_sft"


@pytest.fixture(params=["huggingface", "actor/huggingface"])
def trainer(request, repo_root: Path, tmp_path: Path) -> dict:
    """verl's node of a run that saved step 2, by SFT and by GSPO."""
    checkpoints = tmp_path / "checkpoints"
    shutil.copytree(repo_root / MODEL, checkpoints / "global_step_2" / request.param)
    (checkpoints / TRACKER).write_text("2")
    return {"resume_mode": "auto", "resume_from_path": None, "default_local_dir": str(checkpoints)}


def other_model(repo_root: Path, folder: Path, part: str, key: str, value: int) -> Path:
    config = json.loads((repo_root / MODEL / "config.json").read_text())
    config[part][key] = value
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_the_same_model_goes_on(trainer, repo_root):
    assert resumed_from(trainer) == Path(trainer["default_local_dir"]) / "global_step_2"
    check_resumed(trainer, repo_root / MODEL)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("text_config", "hidden_size", 128), ("text_config", "num_hidden_layers", 8), ("vision_config", "depth", 1)],
)
def test_another_model_is_refused_unless_the_run_starts_anew(part, key, value, trainer, repo_root, tmp_path):
    other = other_model(repo_root, tmp_path / "other", part, key, value)
    with pytest.raises(UserError, match=rf"global_step_2 is of another model than {other}: .*; set run_dir to another"):
        check_resumed(trainer, other)
    check_resumed(trainer | {"resume_mode": "disable"}, other)
    check_resumed(trainer | {"default_local_dir": str(tmp_path / "new")}, other)


def test_a_named_checkpoint_is_taken_and_has_to_be_one(trainer, repo_root, tmp_path):
    named = Path(trainer["default_local_dir"]) / "global_step_2"
    check_resumed(trainer | {"resume_mode": "resume_path", "resume_from_path": str(named)}, repo_root / MODEL)
    with pytest.raises(UserError, match=r"^trainer\.resume_from_path=.*/global_step_9 is no checkpoint; name a folder"):
        check_resumed(trainer | {"resume_from_path": str(tmp_path / "global_step_9")}, repo_root / MODEL)


def test_a_checkpoint_without_hugging_face_weights_is_left_to_verl(trainer, repo_root, tmp_path):
    for weights in Path(trainer["default_local_dir"]).rglob("*.safetensors"):
        weights.unlink()
    check_resumed(trainer, other_model(repo_root, tmp_path / "other", "text_config", "hidden_size", 128))
