"""Every committed combination that GPUs are meant for, and the demo, passes the checks that `rl.train` makes first."""

import pytest
from hydra import compose, initialize_config_dir

from rl.preflight import preflight

BATCHES = ["data.train_batch_size=512", "actor_rollout_ref.actor.ppo_mini_batch_size=128"]
MINI = "actor_rollout_ref.actor.ppo_mini_batch_size=64"
ABLATIONS = ("weak_labels", "stages", "rewards", "algorithms", "epsilon", "order", "codec_ceiling", "precision")
FINAL_NORM = "scales.cpu.optim={optimizer: SGD, lr: 100, trainable: language_model.norm}"
RECIPES = [
    ["experiment=demo"],
    *([f"experiment={recipe}"] for recipe in ABLATIONS),
    *([f"experiment={recipe}", "vlm=qwen2_5_vl_7b", "hardware=gpu8"] for recipe in ABLATIONS),
    ["experiment=algorithms", MINI, "waive=[data.train_batch_size]"],
    ["experiment=algorithms", "actor_rollout_ref.rollout.n=8", "data.train_batch_size=128", MINI],
    ["experiment=algorithms", "algo=grpo"],
    ["experiment=algorithms", FINAL_NORM],
    ["algo=grpo"],
    *(["vlm=qwen2_5_vl_7b", f"hardware={hardware}", *BATCHES] for hardware in ("gpu1", "gpu8", "gpu32")),
    *([f"vlm={vlm}", "hardware=gpu8", *BATCHES] for vlm in ("qwen2_5_vl_3b", "qwen3_vl_8b", "kimi_vl_a3b")),
]


@pytest.mark.parametrize("overrides", RECIPES, ids=" ".join)
def test_nothing_to_refuse(repo_root, overrides):
    with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
        config = compose("rl", overrides=overrides)
    assert preflight(config).terms
