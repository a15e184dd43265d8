"""Shared prompts give verl's own log-probabilities and gradients: Qwen2.5-VL and Qwen3-VL, uneven groups and images."""

from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
)
from verl.models.transformers.qwen2_vl import get_rope_index
from verl.utils import tensordict_utils
from verl.utils.torch_functional import entropy_from_logits

from hardware.answer_logits import HeadInput, answer_positions
from hardware.fsdp_engine import PolygonEngine
from hardware.shared_prompts import ATTENTION, SharedPrompts
from vlm.tiny_qwen3_vl import build_config, build_processor

GRIDS = ((1, 4, 4), (1, 2, 6), (1, 4, 4), (1, 8, 2))  # of four images, in patches; the third has the first one's size
WORDS = (3, 9, 3, 1)  # of four questions; the first and the third are one question about two images
GROUPS = ((0, (4, 9, 1)), (1, (2,)), (2, (5, 5)), (3, (12, 3, 7, 1)), (0, (6,)))  # question, answers' lengths


def qwen3_vl(processor):
    return Qwen3VLForConditionalGeneration(build_config(processor))


def qwen2_5_vl(processor):
    """With fewer heads for keys than for queries."""
    tiny = build_config(processor)
    text = {
        "vocab_size": tiny.text_config.vocab_size,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 16,
        "fullatt_block_indexes": [1],
        "window_size": 64,
        "out_hidden_size": 64,
    }
    ids = {name: getattr(tiny, name) for name in ("image_token_id", "video_token_id", "vision_start_token_id")}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision, **ids))


@pytest.fixture(scope="module", params=[qwen3_vl, qwen2_5_vl])
def engine(request) -> PolygonEngine:
    made = PolygonEngine.__new__(PolygonEngine)  # without the processes and meshes of a run
    torch.manual_seed(0)
    processor = build_processor()
    made.module = request.param(processor).float().train()
    made.model_config = SimpleNamespace(processor=processor, tokenizer=processor.tokenizer)
    made.engine_config = SimpleNamespace(entropy_checkpointing=False, entropy_from_logits_with_chunking=False)
    made.use_ulysses_sp = made.pad_to_length = False
    made.compute_entropy_from_logits = entropy_from_logits
    made.head_input = HeadInput(made.module.get_output_embeddings())
    return made


def jagged(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def batch(processor) -> TensorDict:
    """Answers of GROUPS; each has a copy of its image, as an answer of another device's share would."""
    generator = torch.Generator().manual_seed(0)

    def words(count: int) -> list[int]:
        return torch.randint(100, 400, (count,), generator=generator).tolist()

    questions = [words(count) for count in WORDS]
    questions[2] = questions[0]
    pixels = [torch.randn(h * w, 1536, generator=generator) for _, h, w in GRIDS]
    prompts, answers, positions, images = [], [], [], []
    for number, lengths in GROUPS:
        grid = torch.tensor([GRIDS[number]])
        seen = [processor.image_token_id] * (int(grid.prod()) // 4)
        prompt = [99, processor.vision_start_token_id, *seen, processor.vision_end_token_id, *questions[number]]
        for length in lengths:
            prompts.append(torch.tensor(prompt))
            answers.append(torch.tensor(words(length)))
            whole = torch.cat([prompts[-1], answers[-1]])
            vision = get_rope_index(processor, input_ids=whole, image_grid_thw=grid)
            positions.append(torch.cat([torch.arange(len(whole)).unsqueeze(0), vision]))
            images.append({"pixel_values": pixels[number].clone(), "image_grid_thw": grid.clone()})
    fields = {
        "input_ids": jagged([torch.cat(pair) for pair in zip(prompts, answers, strict=True)]),
        "position_ids": jagged(positions),
        "prompts": jagged(prompts),
        "responses": jagged(answers),
    }
    data = tensordict_utils.get_tensordict(
        fields, {"temperature": 0.7, "use_remove_padding": False, "calculate_entropy": True}
    )
    tensordict_utils.assign_non_tensor_stack(data, "multi_modal_inputs", images)
    return data


def outputs(engine: PolygonEngine, data: TensorDict, *, shared: bool):
    """(log-probabilities and entropies of answers, gradients by name, tokens the model saw, weight of the loss)"""
    engine.module.config.text_config._attn_implementation = ATTENTION if shared else "sdpa"
    engine.shares_prompts = shared
    engine.module.zero_grad()
    inputs, output_args = engine.prepare_model_inputs(data)
    found = engine.prepare_model_outputs(engine.module(**inputs, use_cache=False), output_args, data, None)
    positions = answer_positions(data)
    values = {name: value.values()[positions] for name, value in found.items()}
    weights = torch.linspace(-1.0, 2.0, len(positions))
    (values["log_probs"] * weights).sum().backward()
    gradients = {name: p.grad.clone() for name, p in engine.module.named_parameters() if p.grad is not None}
    return values, gradients, inputs


def test_log_probabilities_and_gradients_are_those_of_single_sequences(engine):
    data = batch(engine.model_config.processor)
    ours, our_gradients, inputs = outputs(engine, data, shared=True)
    theirs, their_gradients, unshared = outputs(engine, data, shared=False)
    assert inputs["input_ids"].numel() < unshared["input_ids"].numel() / 2
    assert len(inputs["image_grid_thw"]) == len(GRIDS) < len(unshared["image_grid_thw"])
    for name in ("log_probs", "entropy"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-5)
    assert our_gradients.keys() == their_gradients.keys()
    assert any("visual" in name for name in our_gradients)
    for name, theirs_of in their_gradients.items():
        gap = (our_gradients[name] - theirs_of).norm() / theirs_of.norm().clamp(min=1e-6)
        assert gap < 1e-4, f"{name}: {gap}"


def test_rows_about_one_image_share_what_they_begin_with_in_sft(engine):
    """Without `prompts`; the rows of a question, and of two questions about the first image, begin alike."""
    data = batch(engine.model_config.processor)
    lengths = [
        (len(prompt), len(answer))
        for prompt, answer in zip(*(data[name].unbind() for name in ("prompts", "responses")), strict=True)
    ]
    data["loss_mask"] = jagged([torch.tensor([0] * asked + [1] * said) for asked, said in lengths])
    for name in ("prompts", "responses"):
        del data[name]
    ours, our_gradients, inputs = outputs(engine, data, shared=True)
    theirs, their_gradients, unshared = outputs(engine, data, shared=False)
    assert inputs["input_ids"].numel() < unshared["input_ids"].numel() * 0.7
    for name in ("log_probs", "entropy"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-5)
    for name, theirs_of in their_gradients.items():
        gap = (our_gradients[name] - theirs_of).norm() / theirs_of.norm().clamp(min=1e-6)
        assert gap < 1e-4, f"{name}: {gap}"


def test_an_answer_does_not_see_the_others(engine):
    data = batch(engine.model_config.processor)
    before, _, _ = outputs(engine, data, shared=True)
    start, stop = data["input_ids"].offsets()[1].tolist(), data["input_ids"].offsets()[2].tolist()
    data["input_ids"].values()[stop - 9 : stop] = 7  # the second answer of the first group
    after, _, _ = outputs(engine, data, shared=True)
    changed = (before["log_probs"] - after["log_probs"]).abs() > 1e-6
    assert changed[4:13].any() and not changed[:4].any() and not changed[13:].any(), (start, stop)


def test_padding_adds_nothing(engine):
    """Attention over packed tokens is finite and the same whatever lies in the padding."""
    data = batch(engine.model_config.processor)
    values, gradients, _ = outputs(engine, data, shared=True)
    assert all(value.isfinite().all() for value in values.values())
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_layout():
    # two prompts of 2 tokens with answers of 1, 3 and 2 tokens: sequences of 3, 5 and 4 tokens
    places = SharedPrompts.of(torch.tensor([0, 3, 8, 12]), [2, 2, 2], ["a", "a", "b"])
    assert places.tokens_T.tolist() == [0, 1, 8, 9, 5, 6, 10]
    assert places.places_N.tolist() == [0, 1, -1, 0, 1, 4, 5, -1, 2, 3, 6, -1]
    assert places.prompts_QP.tolist() == [[0, 1], [2, 3]] and places.has_prompt_QP.all()
    assert places.answers_BR.tolist() == [[0, 0], [4, 5], [6, 0]]
    assert places.has_answer_BR.tolist() == [[False, False], [True, True], [True, False]]
    assert places.leaders_Q == [0, 2] and places.prompt_of_B.tolist() == [0, 0, 1]
