"""`rl.preflight`: each rule refuses what it is there for, says what to set, and lets the paper's settings pass."""

import re

import pytest
from omegaconf import OmegaConf

from polygon import UserError
from rl.preflight import preflight
from rl.rules import ACTOR, GSPO_RULES, MODEL, REFERENCE, ROLLOUT, RULES

# The leaves that the rules read, at values they accept; a test on verl's own configuration is in tests/conf.
GOOD = {
    "data": {"train_batch_size": 64, "truncation": "error", "filter_overlong_prompts": False},
    "trainer": {"nnodes": 1, "n_gpus_per_node": 1, "v1": {"sync": {"parameter_sync_step": 1}}},
    "algorithm": {"adv_estimator": "grpo", "use_kl_in_reward": False, "rollout_correction": {"bypass_mode": False}},
    "actor_rollout_ref": {
        "actor": {
            "policy_loss": {"loss_mode": "gspo"},
            "loss_agg_mode": "seq-mean-token-mean",
            "clip_ratio_low": 3e-4,
            "clip_ratio_high": 4e-4,
            "ppo_mini_batch_size": 16,
            "ppo_micro_batch_size_per_gpu": 32,
            "ppo_max_token_len_per_gpu": 16384,
            "use_dynamic_bsz": False,
            "use_kl_loss": False,
            "fsdp_config": {"mixed_precision": {"param_dtype": "bf16"}},
        },
        "rollout": {
            "name": "vllm",
            "n": 8,
            "temperature": 1.0,
            "do_sample": True,
            "top_k": -1,
            "top_p": 1,
            "calculate_log_probs": True,
            "free_cache_engine": True,
            "dtype": "bfloat16",
            "log_prob_use_dynamic_bsz": False,
            "log_prob_micro_batch_size_per_gpu": 32,
            "log_prob_max_token_len_per_gpu": 16384,
        },
        "ref": {"log_prob_micro_batch_size_per_gpu": None, "log_prob_use_dynamic_bsz": False, "fsdp_config": {}},
    },
    "reward": {
        "reward_manager": {"name": "SimpleSegRewardManager"},
        "custom_reward_function": {"path": None},
    },
    "custom_reward_function": {"path": None},
    "reward_model": {"reward_manager": None},
    "rewards": {"iou": {"weight": 1.0}, "distance": {"weight": 0.2}},
    "codec": {"epsilon": 0.01, "precision": 2},
}
PRECISION = f"{ACTOR}.fsdp_config.mixed_precision.param_dtype"
REFERENCE_PRECISION = f"{REFERENCE}.fsdp_config.mixed_precision.param_dtype"
FP32 = {PRECISION: "fp32", f"{ROLLOUT}.dtype": "float32"}
PARTS = "trainer.v1.sync.parameter_sync_step"
IN_PARTS = FP32 | {f"{ROLLOUT}.free_cache_engine": False, "algorithm.rollout_correction.bypass_mode": True}
KL = {f"{ACTOR}.use_kl_loss": True, REFERENCE_PRECISION: "bf16"}
SHARED = {f"{MODEL}.override_config.attn_implementation": "shared_prompts"}
CPU = {"hardware.device": "cpu"}
VANILLA = {f"{ACTOR}.policy_loss.loss_mode": "vanilla"}
DYNAMIC = {f"{ACTOR}.use_dynamic_bsz": True, f"{ROLLOUT}.log_prob_use_dynamic_bsz": True}


def config(**changes):
    made = OmegaConf.create(GOOD)
    for key, value in changes.items():
        OmegaConf.update(made, key, value, force_add=True)
    return made


def faults(config) -> list[str]:
    """The lines with which preflight refuses; none if it lets the run go on."""
    try:
        assert preflight(config).terms
    except UserError as refused:
        return [line.strip() for line in str(refused).splitlines()]
    return []


GSPO_ONLY = [
    ("data.train_batch_size", 16, {}),  # one mini-batch
    ("data.train_batch_size", 40, {}),  # and a half
    ("algorithm.rollout_correction.bypass_mode", True, {}),
    (f"{ACTOR}.clip_ratio_low", 0.2, {}),
    (f"{ACTOR}.clip_ratio_high", None, {}),
    (f"{ACTOR}.clip_ratio_high", 0, {}),
    (f"{ACTOR}.clip_ratio_low", "3e-4", {}),  # text, as an unlucky YAML parser leaves it
    (f"{ACTOR}.loss_agg_mode", "token-mean", {}),
    ("algorithm.adv_estimator", "rloo", {}),
    (f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu", 64, {}),
    (f"{ROLLOUT}.log_prob_use_dynamic_bsz", True, {}),
    (f"{ROLLOUT}.log_prob_max_token_len_per_gpu", 32768, DYNAMIC),
]
ALWAYS = [
    (PARTS, 2, FP32 | {"algorithm.rollout_correction.bypass_mode": True}),  # on an engine that frees its memory
    (PARTS, 2, FP32 | {f"{ROLLOUT}.free_cache_engine": False}),  # with log-probabilities computed anew
    (PARTS, 3, IN_PARTS),  # of one mini-batch and a third
    (PARTS, 0, IN_PARTS),
    (PARTS, None, IN_PARTS),
    (PRECISION, "fp32", {}),
    (PRECISION, None, {f"{ROLLOUT}.dtype": "float32"}),  # verl's silent bf16
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu", 48, {f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu": 48}),
    (f"{ACTOR}.ppo_micro_batch_size_per_gpu", 32, {"trainer.n_gpus_per_node": 8}),
    (f"{MODEL}.use_remove_padding", True, SHARED),
    (f"{MODEL}.use_fused_kernels", True, SHARED),
    (f"{ACTOR}.ulysses_sequence_parallel_size", 2, SHARED),
    (f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size", 2, SHARED),
    (f"{ACTOR}.fsdp_config.pad_to_length", True, SHARED),
    (f"{ROLLOUT}.name", "sglang", {}),
    ("critic.enable", True, {}),
    ("critic.enable", None, VANILLA | {"algorithm.adv_estimator": "gae"}),
    (f"{ROLLOUT}.n", 1, {f"{ACTOR}.ppo_mini_batch_size": 32}),
    (f"{ROLLOUT}.temperature", 0, {}),
    (f"{ROLLOUT}.do_sample", False, {}),
    (f"{ROLLOUT}.top_k", 50, {}),
    (f"{ROLLOUT}.top_p", 0.95, {}),
    (f"{ROLLOUT}.calculate_log_probs", False, {}),
    ("data.truncation", "left", {}),
    (f"{REFERENCE}.log_prob_micro_batch_size_per_gpu", None, KL),
    (f"{MODEL}.lora_rank", 32, CPU),
    (f"{MODEL}.lora_adapter_path", "adapters/mine", CPU),
    (REFERENCE_PRECISION, None, FP32 | KL | {f"{REFERENCE}.log_prob_use_dynamic_bsz": True}),
    ("reward.reward_manager.name", "naive", {}),
    ("reward.reward_model.enable", True, {}),
    ("reward.custom_reward_function.path", "mine.py", {}),
    ("custom_reward_function.path", "mine.py", {}),
    ("reward_model.reward_manager", "naive", {}),
]


def test_the_papers_settings_pass_and_give_their_rewards():
    assert preflight(config()).weights == {"iou": 1.0, "distance": 0.2}


@pytest.mark.parametrize(
    "changes",
    [
        DYNAMIC | {f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu": None, f"{ACTOR}.ppo_micro_batch_size_per_gpu": None},
        KL | {f"{REFERENCE}.log_prob_micro_batch_size_per_gpu": 32},
        {"data.truncation": "left", "data.filter_overlong_prompts": True},
        {f"{ACTOR}.clip_ratio_low": 1e-3, f"{ACTOR}.clip_ratio_high": 2e-3, f"{ROLLOUT}.top_k": 0},
        FP32,
        SHARED | {f"{MODEL}.use_remove_padding": False},
        FP32 | {"algorithm.rollout_correction.bypass_mode": True},
        {"data.train_batch_size": 32},
        IN_PARTS | {PARTS: 4},
        IN_PARTS | {PARTS: 2},
        CPU | {f"{MODEL}.lora_rank": 0, f"{MODEL}.lora_adapter_path": None},
        {"hardware.device": "cuda", f"{MODEL}.lora_rank": 32},
    ],
)
def test_other_sound_settings_pass(changes):
    assert faults(config(**changes)) == []


@pytest.mark.parametrize(("key", "value", "others"), GSPO_ONLY + ALWAYS)
def test_a_broken_rule_is_one_line_with_key_value_reason_and_fix(key, value, others):
    (line,) = faults(config(**{**others, key: value}))
    assert re.fullmatch(re.escape(f"{key}={'null' if value is None else value}: ") + r"\S.*; set \S+.*", line)


def test_every_rule_has_its_case():
    assert {rule.key for rule in GSPO_RULES} == {key for key, _, _ in GSPO_ONLY}
    assert {rule.key for rule in RULES} == {key for key, _, _ in ALWAYS}


@pytest.mark.parametrize(("key", "value", "others"), GSPO_ONLY + ALWAYS)
def test_what_it_says_to_set_is_accepted(key, value, others):
    """Where the advice is one override, a user who follows it gets through."""
    broken = config(**{**others, key: value})
    (line,) = faults(broken)
    advice = line.rpartition("; set ")[2].removesuffix(", four mini-batches")
    if match := re.fullmatch(r"\+?([\w.]+)=(\S+)", advice):
        OmegaConf.update(broken, match[1], OmegaConf.from_dotlist([f"x={match[2]}"]).x, force_add=True)
        assert faults(broken) == []


@pytest.mark.parametrize(("key", "value", "others"), GSPO_ONLY)
def test_grpo_may_do_what_only_gspo_suffers_from(key, value, others):
    assert faults(config(**{**others, key: value, f"{ACTOR}.policy_loss.loss_mode": "vanilla"})) == []


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ({"iuo": {"weight": 1}}, "rewards.iuo: unknown reward term; known: iou, distance"),
        ({"iou": {"weight": 1, "treshold": 0.5}}, "rewards.iou: unknown key 'treshold'; known:"),
        ({"iou": None}, "rewards: no term is left"),
        ({"iou": {"weight": 0}}, "rewards: every weight is 0"),
    ],
)
def test_a_recipe_that_cannot_be_is_named(recipe, line):
    (said,) = faults(OmegaConf.create({**GOOD, "rewards": recipe}))
    assert said.startswith(line)


def test_all_violations_are_reported_at_once():
    lines = faults(config(**{"data.train_batch_size": 16, f"{ROLLOUT}.top_p": 0.9, "rewards.iuo": {"weight": 1}}))
    assert [line.partition("=")[0].partition(":")[0] for line in lines] == [
        "data.train_batch_size", f"{ROLLOUT}.top_p", "rewards.iuo",
    ]  # fmt: skip


def test_an_ablation_may_break_a_rule_that_it_names():
    one_mini_batch = {"data.train_batch_size": 16}
    with pytest.raises(UserError, match="importance ratio is 1"):
        preflight(config(**one_mini_batch))
    assert preflight(config(**one_mini_batch, waive=["data.train_batch_size"]))
    with pytest.raises(UserError, match=r"waive: no rule concerns data\.batch"):
        preflight(config(waive=["data.batch"]))
