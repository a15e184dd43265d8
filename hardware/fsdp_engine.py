"""verl's FSDP engine: trains the parameters it is told to, and judges answers as they were sampled.

Why: Muon must tell a matrix from a table, and verl hands optimisers bare tensors. Which parameters are trained (without
the vision tower, or norms only as in "Tuning LayerNorm in Attention", arXiv 2312.11420) is a question of research. And
rollouts cannot write vision tokens (rollout/agent_loop.py): where the actor gives these probability, every importance
ratio is off by it, at the start of a run by more than GSPO's clip band.
How: importing this module registers the engine, for CPUs and, ahead of verl's, for CUDA. `trainable` among the
optimiser's settings (`optim.override_optimizer_config`) is a regular expression that is searched in parameter names.
"""

import dataclasses
import re

import torch
from tensordict import TensorDict
from torch import nn
from torch.distributed.tensor import DTensor
from verl.utils import tensordict_utils
from verl.utils.torch_functional import logprobs_from_logits
from verl.workers.config.optimizer import build_optimizer
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp import FSDPEngineWithLMHead

from hardware.answer_logits import LOG_PROB_GAP, HeadInput, answer_positions, mean_gap, padded, rows_of
from hardware.shared_prompts import ATTENTION, share_prompts
from polygon.errors import UserError
from vlm.vision_tokens import vision_token_ids

BACKENDS = ["fsdp", "fsdp2"]
JUDGED_TOKENS = 256  # of a micro-batch, whose entropy is logged: a vocabulary of 152,000 takes 150 MB
# What needs logits at every position, or computes none: verl's own way.
ELSEWHERE = ("use_fused_kernels", "distillation_use_topk", "distillation_only", "calculate_sum_pi_squared")


@EngineRegistry.register(model_type="language_model", backend=BACKENDS, device="cpu")
@EngineRegistry.register(model_type="language_model", backend=BACKENDS, device="cuda", vendor="nvidia")
class PolygonEngine(FSDPEngineWithLMHead):
    """The optimiser gets (name, parameter) pairs of what is trained; torch's own take them too.

    Logits are computed where answers are (hardware/answer_logits.py), in RL without what a rollout cannot write:
    vision tokens and the unused end of the vocabulary. Not so with fused kernels, sequence parallelism, padding to a
    length or distillation, which go verl's way.
    """

    def _build_module(self):
        # The name of our attention must not get into a checkpoint's config.json, which plain transformers reads.
        config = self.model_config.hf_config
        self.shares_prompts = getattr(config, "_attn_implementation", None) == ATTENTION
        if self.shares_prompts:
            config._attn_implementation = "sdpa"
            config.attn_implementation = "sdpa"
        module = super()._build_module()
        settings = getattr(self.optimizer_config, "override_optimizer_config", None) or {}
        if pattern := settings.get("trainable"):
            freeze_others(module, pattern)
        self.head_input = HeadInput(module.get_output_embeddings())
        if self.shares_prompts:
            module.config.get_text_config()._attn_implementation = ATTENTION
        if self.shares_prompts and (self.use_remove_padding or self.ulysses_sequence_parallel_size > 1):
            raise UserError(
                "hardware.update_attention=shared_prompts packs sequences itself: set hardware.remove_padding=false, "
                "no sequence parallelism, or hardware.update_attention=sdpa"
            )
        return module

    def _build_optimizer(self, module):
        settings = dict(self.optimizer_config.override_optimizer_config or {})
        settings.pop("trainable", None)
        config = dataclasses.replace(self.optimizer_config, override_optimizer_config=settings)
        trained = ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)
        return build_optimizer(trained, config)

    def prepare_model_inputs(self, micro_batch: TensorDict):
        self.head_input.kept = self.entropy = None
        if self.use_ulysses_sp or self.pad_to_length or any(_setting(micro_batch, key) for key in ELSEWHERE):
            return super().prepare_model_inputs(micro_batch)
        positions = answer_positions(micro_batch)
        if self.shares_prompts:
            shared, image_inputs = share_prompts(micro_batch)
            inputs = shared.model_inputs(micro_batch["input_ids"], micro_batch["position_ids"]) | image_inputs
            kept, output_args = shared.places_N[positions], {}
        else:
            inputs, output_args = super().prepare_model_inputs(micro_batch)
            packed = _setting(micro_batch, "use_remove_padding", True)
            kept = positions if packed else padded(positions, micro_batch["input_ids"].offsets())
        self.head_input.kept = kept
        return inputs, output_args | {"answer_positions": positions}

    def forward_step(self, micro_batch: TensorDict, loss_function, forward_only: bool):
        """When a policy is trained, with two metrics more: nats a token, and the mean distance of log-probabilities
        from the old ones. Where these are the rollout's, and before a first step, that is the engines' own."""
        loss, output = super().forward_step(micro_batch, loss_function, forward_only)
        if not forward_only and "old_log_probs" in micro_batch:
            old_N, mask_N = (micro_batch[name].values() for name in ("old_log_probs", "response_mask"))
            # verl moves a copy of the micro-batch to the device; this one is where it was.
            log_probs_T = output["model_output"]["log_probs"].values().to(old_N.device)
            output["metrics"][LOG_PROB_GAP] = mean_gap(old_N, log_probs_T[answer_positions(micro_batch)], mask_N)
            if self.entropy is not None:
                output["metrics"]["entropy"] = self.entropy
        return loss, output

    def prepare_model_outputs(self, output, output_args, micro_batch: TensorDict, logits_processor_func):
        self.head_input.kept = None
        positions = output_args.get("answer_positions")
        if positions is None:
            return super().prepare_model_outputs(output, output_args, micro_batch, logits_processor_func)
        input_ids = micro_batch["input_ids"]
        logits_NV = output.logits.squeeze(0)
        if isinstance(logits_NV, DTensor):  # with tensor parallelism
            logits_NV = logits_NV.full_tensor()
        temperature = micro_batch["temperature"]
        if isinstance(temperature, torch.Tensor):
            temperature = temperature[rows_of(positions, input_ids.offsets())].unsqueeze(-1)
        if torch.as_tensor(temperature).ne(1).any():
            logits_NV = logits_NV / temperature
        if "responses" in micro_batch:
            self._ban(logits_NV)  # last: divided, the least number there is would be -inf

        if "old_log_probs" in micro_batch:
            with torch.no_grad():
                self.entropy = self.compute_entropy_from_logits(logits_NV[:JUDGED_TOKENS]).mean().item()
        entropy = _setting(micro_batch, "calculate_entropy")
        labels_N = input_ids.values()[positions + 1]
        # As one row: without flash attention verl goes through the first axis in a Python loop.
        log_probs_1N = logprobs_from_logits(logits_NV[None], labels_N[None], inplace_backward=not entropy)
        found = {"log_probs": log_probs_1N.squeeze(0)}
        if entropy:
            found["entropy"] = self.compute_entropy_from_logits(logits_NV)

        def everywhere(values_N: torch.Tensor) -> torch.Tensor:
            """Zero where no answer is, as sequences of the lengths of `input_ids`."""
            all_T = values_N.new_zeros(input_ids.values().shape[0]).index_copy(0, positions, values_N)
            return torch.nested.nested_tensor_from_jagged(all_T, input_ids.offsets())

        return {key: everywhere(values_N) for key, values_N in found.items()}

    def _ban(self, logits_NV: torch.Tensor) -> None:
        unused = range(len(self.model_config.tokenizer), logits_NV.shape[-1])
        banned = torch.tensor([*vision_token_ids(self.model_config.processor), *unused], device=logits_NV.device)
        # Not -inf: the entropy's 0 * -inf would be no number.
        logits_NV.index_fill_(-1, banned, torch.finfo(logits_NV.dtype).min)


def _setting(micro_batch: TensorDict, key: str, default: bool = False) -> bool:
    return tensordict_utils.get_non_tensor_data(data=micro_batch, key=key, default=default)


def freeze_others(module: nn.Module, pattern: str) -> None:
    """Leave gradients only to parameters in whose name `pattern` is found. Raises UserError if that is none."""
    names = [name for name, _ in module.named_parameters()]
    chosen = {name for name in names if re.search(pattern, name)}
    if not chosen:
        raise UserError(
            f"optimizer trainable={pattern!r} matches none of the model's parameters, for instance {names[0]}"
        )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in chosen)
    count = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    print(f"trainable={pattern!r}: {count:,} parameters in {len(chosen)} of {len(names)} tensors", flush=True)
