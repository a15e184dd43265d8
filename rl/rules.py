"""The rules of `rl.preflight`: what has to hold of the configuration, why, and the override that puts it right.

verl checks that shapes fit; it does not check that GSPO still is GSPO. Each rule names a setting that lets a run go on
and spoils it without a word. `RULES` concern every algorithm, `GSPO_RULES` those with `policy_loss.loss_mode=gspo`.
Sources: arXiv 2507.18071 and verl 0.9.1.
"""

from rl.rule import (
    ACTOR,
    ROLLOUT,
    Rule,
    dtype,
    equal,
    has_reference,
    no_lora_on_cpu,
    set_to,
    several_mini_batches,
    whole_micro_batches,
    whole_parts,
)

REFERENCE = "actor_rollout_ref.ref"
MODEL = "actor_rollout_ref.model"
ANSWER_LENGTH = "data.max_response_length"  # rl/answer_lengths.py, which needs the rows
PRECISION = "fsdp_config.mixed_precision.param_dtype"
ATTENTION = f"{MODEL}.override_config.attn_implementation"

# GSPO's ratios are means over a sequence and stay within thousandths of 1: the paper's band is 3e-4 / 4e-4, and sweeps
# end at 2e-3. PPO's 0.2 is never reached.
WIDEST_GSPO_CLIP = 0.05

OTHER_MICRO_BATCHES = (
    "old log-probabilities in other micro-batches than the update's move the ratios by 1e-4, the width of the clip band"
)
UNSHARED = (
    (f"{MODEL}.use_remove_padding", False, "pack sequences themselves; verl's packing needs flash attention"),
    (f"{MODEL}.use_fused_kernels", False, "give logits where answers are; fused kernels want every position"),
    (f"{ACTOR}.ulysses_sequence_parallel_size", 1, "need all tokens of a group on one device"),
    (f"{ACTOR}.fsdp_config.ulysses_sequence_parallel_size", 1, "need all tokens of a group on one device"),
    (f"{ACTOR}.fsdp_config.pad_to_length", False, "leave no padding"),
)
GREEDY = "without sampling all answers of a group are equal and teach nothing"
CUT = "answers drawn from a cut distribution are not drawn from the policy that is updated"

GSPO_RULES = (
    Rule(
        "data.train_batch_size",
        several_mini_batches,
        f"is not two or more whole mini-batches ({ACTOR}.ppo_mini_batch_size); "
        "in the only one of a rollout batch every importance ratio is 1 and GSPO never clips",
        lambda get: f"data.train_batch_size={4 * (get(f'{ACTOR}.ppo_mini_batch_size') or 16)}, four mini-batches",
    ),
    Rule(
        "algorithm.rollout_correction.bypass_mode",
        lambda bypass, get: not bypass or dtype(get(f"{ROLLOUT}.dtype")) == "float32",
        "puts the rollout's log-probabilities in the actor's place; but in float32 the two differ by more than GSPO's "
        f"clip band ({ROLLOUT}.dtype)",
        "algorithm.rollout_correction.bypass_mode=False",
    ),
    *(
        Rule(
            f"{ACTOR}.clip_ratio_{side}",
            lambda clip, get: 0 < clip <= WIDEST_GSPO_CLIP,
            "GSPO's sequence-level ratios stay within thousandths of 1 and never reach such a bound (PPO's is 0.2)",
            f"{ACTOR}.clip_ratio_{side}={paper}",
        )
        for side, paper in (("low", "3e-4"), ("high", "4e-4"))
    ),
    Rule(
        f"{ACTOR}.loss_agg_mode",
        lambda mode, get: mode == "seq-mean-token-mean",
        "weights sequences by their length, while GSPO's objective is a mean over sequences",
        f"{ACTOR}.loss_agg_mode=seq-mean-token-mean",
    ),
    Rule(
        "algorithm.adv_estimator",
        lambda estimator, get: estimator == "grpo",
        "GSPO's advantage is the group-normalised one",
        "algorithm.adv_estimator=grpo",
    ),
    Rule(
        f"{ROLLOUT}.log_prob_use_dynamic_bsz",
        equal(f"{ACTOR}.use_dynamic_bsz"),
        OTHER_MICRO_BATCHES,
        set_to(f"{ROLLOUT}.log_prob_use_dynamic_bsz", f"{ACTOR}.use_dynamic_bsz"),
    ),
    Rule(
        f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu",
        equal(f"{ACTOR}.ppo_micro_batch_size_per_gpu", unless=True),
        OTHER_MICRO_BATCHES,
        set_to(f"{ROLLOUT}.log_prob_micro_batch_size_per_gpu", f"{ACTOR}.ppo_micro_batch_size_per_gpu"),
    ),
    Rule(
        f"{ROLLOUT}.log_prob_max_token_len_per_gpu",
        equal(f"{ACTOR}.ppo_max_token_len_per_gpu", unless=False),
        OTHER_MICRO_BATCHES,
        set_to(f"{ROLLOUT}.log_prob_max_token_len_per_gpu", f"{ACTOR}.ppo_max_token_len_per_gpu"),
    ),
)

RULES = (
    Rule(
        f"{ACTOR}.{PRECISION}",
        lambda precision, get: dtype(precision) == dtype(get(f"{ROLLOUT}.dtype")),
        f"the actor computes in another precision than the rollout ({ROLLOUT}.dtype; where this key is absent verl "
        "takes bf16), so the log-probabilities are not those of the policy that answered",
        f"{ACTOR}.{PRECISION}=fp32 and {ROLLOUT}.dtype=float32, or bf16 and bfloat16",
    ),
    Rule(
        f"{ACTOR}.ppo_micro_batch_size_per_gpu",
        whole_micro_batches,
        f"does not divide the answers of a mini-batch on one device ({ACTOR}.ppo_mini_batch_size x {ROLLOUT}.n)",
        "vlm.micro_batch_size, which is its default, to a divisor of them",
    ),
    Rule(
        "trainer.v1.sync.parameter_sync_step",
        whole_parts,
        "trains a batch in parts, the first while the last are written: this takes the rollout's log-probabilities "
        "(algorithm.rollout_correction.bypass_mode; computed anew they would be those of a policy that has moved), "
        f"an engine that keeps its memory ({ROLLOUT}.free_cache_engine=False) and parts of whole mini-batches",
        "trainer.v1.sync.parameter_sync_step=1",
    ),
    *(
        Rule(
            key,
            lambda value, get, off=off: get(ATTENTION) != "shared_prompts" or value in (None, off),
            f"shared prompts ({ATTENTION}) {why}",
            f"{key}={off}, or hardware.update_attention=sdpa",
        )
        for key, off, why in UNSHARED
    ),
    Rule(
        f"{ROLLOUT}.name",
        lambda name, get: name == "vllm",
        "all answers to a question are asked of one server at once, and only that of vLLM is taught to give them "
        "(rollout/vllm_server.py)",
        f"{ROLLOUT}.name=vllm",
    ),
    Rule(
        "critic.enable",
        lambda enable, get: not (get("algorithm.adv_estimator") == "gae" if enable is None else enable),
        "a critic gets answers without their images (rollout/image_store.py), and algorithm.adv_estimator=gae asks for "
        "one; compare the answers of a group instead",
        "critic.enable=False and algorithm.adv_estimator=grpo",
    ),
    Rule(
        f"{ROLLOUT}.n",
        lambda n, get: n >= 2,
        "a group of one answer has no advantage and teaches nothing",
        f"{ROLLOUT}.n=8",
    ),
    Rule(f"{ROLLOUT}.temperature", lambda temperature, get: temperature > 0, GREEDY, f"{ROLLOUT}.temperature=1.0"),
    Rule(f"{ROLLOUT}.do_sample", lambda do_sample, get: do_sample is True, GREEDY, f"{ROLLOUT}.do_sample=True"),
    Rule(f"{ROLLOUT}.top_k", lambda top_k, get: top_k in (-1, 0), CUT, f"{ROLLOUT}.top_k=-1"),
    Rule(f"{ROLLOUT}.top_p", lambda top_p, get: top_p == 1, CUT, f"{ROLLOUT}.top_p=1"),
    Rule(
        f"{ROLLOUT}.calculate_log_probs",
        lambda calculate, get: calculate is True,
        "without the rollout's log-probabilities nobody sees when rollout and actor are no longer one policy",
        f"{ROLLOUT}.calculate_log_probs=True",
    ),
    Rule(
        "data.truncation",
        lambda truncation, get: truncation == "error" or get("data.filter_overlong_prompts") is True,
        "a cut prompt loses image tokens, and its image no longer matches them",
        "data.truncation=error, or data.filter_overlong_prompts=True to leave long prompts out",
    ),
    *(
        Rule(
            f"{MODEL}.{key}",
            no_lora_on_cpu,
            "on a CPU vLLM takes new weights as a whole only, no LoRA adapters (rollout/cpu_worker.py)",
            f"{MODEL}.{key}={none}",
        )
        for key, none in (("lora_rank", 0), ("lora_adapter_path", "null"))
    ),
    Rule(
        f"{REFERENCE}.log_prob_micro_batch_size_per_gpu",
        lambda size, get: not has_reference(get) or bool(get(f"{REFERENCE}.log_prob_use_dynamic_bsz") or size),
        "a KL term asks for a reference policy, and this one has no micro-batch size",
        lambda get: (
            f"{ACTOR}.use_kl_loss=False, or {REFERENCE}.log_prob_micro_batch_size_per_gpu="
            f"{get(f'{ACTOR}.ppo_micro_batch_size_per_gpu')}"
        ),
    ),
    Rule(
        f"{REFERENCE}.{PRECISION}",
        lambda precision, get: not has_reference(get) or dtype(precision) == dtype(get(f"{ACTOR}.{PRECISION}")),
        "the KL term would measure the difference between two precisions (where this key is absent verl takes bf16)",
        lambda get: f"+{REFERENCE}.{PRECISION}={get(f'{ACTOR}.{PRECISION}')}",
    ),
    Rule(
        "reward.reward_model.enable",
        lambda enable, get: not enable,
        "a reward model would score in the place of the node `rewards`",
        "reward.reward_model.enable=False",
    ),
    Rule(
        "reward.reward_manager.name",
        lambda name, get: name == "SimpleSegRewardManager",
        "another reward manager does not read the node `rewards`",
        "reward.reward_manager.name=SimpleSegRewardManager",
    ),
    *(
        Rule(key, lambda value, get: value is None, "is never called: the node `rewards` is the reward", f"{key}=null")
        for key in ("reward.custom_reward_function.path", "custom_reward_function.path", "reward_model.reward_manager")
    ),
)
