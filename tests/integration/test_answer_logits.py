"""The engine's log-probabilities at answers, against verl's own at every position, on the committed model."""

from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration
from verl.utils import tensordict_utils
from verl.utils.torch_functional import entropy_from_logits
from verl.workers.engine.fsdp import FSDPEngineWithLMHead

from hardware.answer_logits import LOG_PROB_GAP, HeadInput, answer_positions, padded
from hardware.fsdp_engine import PolygonEngine
from vlm.vision_tokens import vision_token_ids

PROMPTS, ANSWERS = (7, 3, 5), (4, 9, 1)


@pytest.fixture(scope="module")
def engine(checkpoint) -> PolygonEngine:
    made = PolygonEngine.__new__(PolygonEngine)  # without the processes and meshes of a run
    made.module = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint).eval()
    processor = AutoProcessor.from_pretrained(checkpoint)
    made.model_config = SimpleNamespace(processor=processor, tokenizer=processor.tokenizer)
    made.engine_config = SimpleNamespace(entropy_checkpointing=False, entropy_from_logits_with_chunking=False)
    made.use_ulysses_sp = made.pad_to_length = made.shares_prompts = False
    made.compute_entropy_from_logits = entropy_from_logits
    made.head_input = HeadInput(made.module.get_output_embeddings())
    return made


def jagged(rows: list[torch.Tensor]) -> torch.Tensor:
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


def batch(stage: str, temperature, *, sequences: int = 3, **settings) -> TensorDict:
    generator = torch.Generator().manual_seed(0)
    prompts = [torch.randint(100, 400, (length,), generator=generator) for length in PROMPTS[:sequences]]
    answers = [torch.randint(100, 400, (length,), generator=generator) for length in ANSWERS[:sequences]]
    pairs = list(zip(prompts, answers, strict=True))
    fields = {
        "input_ids": jagged([torch.cat(pair) for pair in pairs]),
        "position_ids": jagged([torch.arange(len(torch.cat(pair))) for pair in pairs]),
    }
    if stage == "rl":
        fields |= {"prompts": jagged(prompts), "responses": jagged(answers)}
    else:
        masks = [torch.cat([torch.zeros_like(prompt), torch.ones_like(answer)]) for prompt, answer in pairs]
        fields["loss_mask"] = jagged(masks)
    if isinstance(temperature, list):
        temperature = torch.tensor(temperature)
    return tensordict_utils.get_tensordict(
        fields, {"temperature": temperature, "use_remove_padding": False, "calculate_entropy": True, **settings}
    )


def outputs(engine: PolygonEngine, of: type, data: TensorDict) -> tuple[dict, torch.Tensor]:
    """What the engine class `of` makes of a batch, and the logits that its model gave."""
    inputs, output_args = of.prepare_model_inputs(engine, data)
    output = engine.module(**inputs, use_cache=False)
    logits = output.logits.detach().clone()
    return of.prepare_model_outputs(engine, output, output_args, data, None), logits


@pytest.mark.parametrize("temperature", [1.0, 0.5, [1.0, 0.7, 2.0]])
def test_sft_is_verls_at_the_answers_and_zero_elsewhere(engine, temperature):
    data = batch("sft", temperature)
    ours, logits = outputs(engine, PolygonEngine, data)
    theirs, all_logits = outputs(engine, FSDPEngineWithLMHead, data)
    assert logits.shape[:2] == (1, sum(ANSWERS)) and all_logits.shape[:2] == (3, 12)
    learnt = torch.roll(data["loss_mask"].values(), -1).bool()
    for key in ("log_probs", "entropy"):
        torch.testing.assert_close(ours[key].values()[learnt], theirs[key].values()[learnt])
        assert not ours[key].values()[~learnt].any() and theirs[key].values()[~learnt].any()


def test_packed_sequences(engine):
    """As on GPUs; one sequence, since nothing but flash attention keeps packed ones apart."""
    packed, _ = outputs(engine, PolygonEngine, batch("rl", 1.0, sequences=1, use_remove_padding=True))
    padded_ones, _ = outputs(engine, PolygonEngine, batch("rl", 1.0, sequences=1))
    assert packed["log_probs"].values().any()
    for key in ("log_probs", "entropy"):
        torch.testing.assert_close(packed[key].values(), padded_ones[key].values())


def test_rl_gives_no_probability_to_what_rollouts_cannot_write(engine):
    data = batch("rl", 1.0)
    banned = [*vision_token_ids(engine.model_config.processor)]
    with torch.no_grad():
        engine.module.get_output_embeddings().weight[banned[0]] *= 3.0  # so that it matters
        ours, _ = outputs(engine, PolygonEngine, data)
        theirs, all_logits = outputs(engine, FSDPEngineWithLMHead, data)
        engine.module.get_output_embeddings().weight[banned[0]] /= 3.0
    positions = answer_positions(data)
    offsets = data["input_ids"].offsets()
    shares_NV = all_logits.flatten(0, 1)[padded(positions, offsets)].softmax(-1)
    lost_N = shares_NV[:, banned].sum(-1)
    assert lost_N.max() > 1e-3
    gained_N = ours["log_probs"].values()[positions] - theirs["log_probs"].values()[positions]
    torch.testing.assert_close(gained_N, -torch.log1p(-lost_N), rtol=1e-3, atol=1e-5)
    shares_NV[:, banned] = 0
    shares_NV /= shares_NV.sum(-1, keepdim=True)
    torch.testing.assert_close(ours["entropy"].values()[positions], torch.special.entr(shares_NV).sum(-1))


def test_gradients_reach_the_model(engine):
    ours, _ = outputs(engine, PolygonEngine, batch("rl", 1.0))
    ours["log_probs"].values().sum().backward()
    ours_gradient = engine.module.model.language_model.norm.weight.grad.clone()
    engine.module.zero_grad()
    theirs, _ = outputs(engine, FSDPEngineWithLMHead, batch("rl", 1.0))
    theirs["log_probs"].values()[answer_positions(batch("rl", 1.0))].sum().backward()
    theirs_gradient = engine.module.model.language_model.norm.weight.grad
    assert (ours_gradient - theirs_gradient).norm() < 0.05 * theirs_gradient.norm(), "but for the banned tokens"
    engine.module.zero_grad()


def test_an_update_says_how_far_its_policy_is_from_the_old_one(engine, monkeypatch):
    monkeypatch.setattr(engine, "_autocast_dtype", torch.float32, raising=False)
    monkeypatch.setattr(engine, "get_data_parallel_group", lambda: None, raising=False)
    data = batch("rl", 1.0)
    with torch.no_grad():
        found, _ = outputs(engine, PolygonEngine, data)
    positions = answer_positions(data)
    shifts = torch.linspace(-0.5, 0.5, sum(ANSWERS))
    own = torch.arange(sum(ANSWERS)) > 2  # of the first answer a part is not the policy's
    data["response_mask"] = jagged([*own.long().split(ANSWERS)])
    data["old_log_probs"] = jagged([*(found["log_probs"].values()[positions] + shifts).split(ANSWERS)])

    def loss(model_output, data, dp_group):
        return model_output["log_probs"].values().sum(), {"loss": 1.0}

    _, output = engine.forward_step(data, loss, forward_only=False)
    assert output["metrics"]["loss"] == 1.0
    assert output["metrics"][LOG_PROB_GAP] == pytest.approx(shifts[own].abs().mean().item(), abs=1e-5)
    assert output["metrics"]["entropy"] == pytest.approx(found["entropy"].values()[positions].mean().item(), abs=1e-5)
    _, output = engine.forward_step(data, loss, forward_only=True)
    assert output["metrics"].keys() == {"loss"}


def test_what_needs_all_logits_gets_them(engine):
    data = batch("sft", 1.0, calculate_sum_pi_squared=True)
    found, logits = outputs(engine, PolygonEngine, data)
    assert logits.shape[:2] == (3, 12) and "sum_pi_squared" in found


def test_positions_are_the_ones_before_the_answers():
    # sequences of 11, 12 and 6 tokens
    expected = [*range(6, 10), *range(13, 22), 27]
    assert answer_positions(batch("rl", 1.0)).tolist() == answer_positions(batch("sft", 1.0)).tolist() == expected
