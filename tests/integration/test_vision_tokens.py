"""No vision token can be sampled in training: verl masks the placeholders, our agent loop the tokens around them."""

from types import SimpleNamespace

import torch
from verl.workers.rollout.utils import get_vision_placeholder_token_ids
from verl.workers.rollout.vllm_rollout.utils import monkey_patch_compute_logits

from rollout.agent_loop import NEVER
from rollout.stop import closing_token_ids
from vlm.tiny_qwen3_vl import build_processor
from vlm.vision_tokens import vision_token_ids


def test_verl_masks_the_placeholders_and_the_loop_the_rest():
    processor = build_processor()
    tokenizer = processor.tokenizer
    placeholders = get_vision_placeholder_token_ids(processor)
    assert tokenizer.convert_ids_to_tokens(placeholders) == ["<|image_pad|>", "<|video_pad|>"]

    model = SimpleNamespace(compute_logits=lambda: torch.zeros(2, len(tokenizer)))
    monkey_patch_compute_logits(model, len(tokenizer), placeholders)
    assert model.compute_logits()[:, placeholders].isinf().all()

    biased = set(vision_token_ids(processor))
    vision = [token for token in tokenizer.all_special_tokens if "vision" in token or "pad|" in token]
    assert {tokenizer.convert_tokens_to_ids(token) for token in vision} == biased
    assert torch.softmax(torch.tensor([0.0, NEVER]), 0)[1] < 1e-40


def test_the_closing_token_closes_a_mask():
    tokenizer = build_processor().tokenizer
    assert [tokenizer.decode([index]) for index in closing_token_ids(tokenizer)] == ["]]]"]
