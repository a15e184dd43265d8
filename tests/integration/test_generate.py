"""`rollout.generate` on the real engines: vLLM and transformers are one policy, whatever the weights.

Each engine runs in a process of its own: vLLM changes its process for good (threads, preloaded libraries).
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from evaluation.prediction import Prediction, read_predictions
from polygon import parse

# Log-probabilities of vLLM's sampled tokens, by vLLM, by transformers, and by transformers for a grey image.
LOG_PROBS = """
import json, sys
from itertools import islice
from pathlib import Path
import torch
from hydra import compose, initialize_config_dir
from PIL import Image
from data.rows import read_samples
from hardware.environment import apply_environment
from rollout.backend import open_backend
from rollout.prompt import chat_text
from rollout.request import Sampling, pending_requests

def backend(name):
    with initialize_config_dir(str(Path("conf").resolve()), version_base="1.3"):
        config = compose("generate", [f"backend={name}"])
    apply_environment(config)
    return open_backend(config, Path(sys.argv[1]), Sampling(temperature=1.0, max_tokens=48))

vllm, answers = backend("vllm"), {}
requests = {str(index): request for index, request in enumerate(
    pending_requests(islice(read_samples(sys.argv[2], "shapes", "val"), 8), 2, 0, set()))}
for name, request in requests.items():
    parameters = vllm.parameters(request)
    parameters.logprobs = 0
    vllm.engine.add_request(name, vllm.render(request), parameters)
while vllm.engine.has_unfinished_requests():
    answers |= {output.request_id: output.outputs[0] for output in vllm.engine.step() if output.finished}

reference, rows = backend("transformers"), []
for name, answer in answers.items():
    sample, ids = requests[name].sample, list(answer.token_ids)
    inputs = reference.processor(text=[chat_text(reference.processor, sample.prompt)],
                                 images=[Image.fromarray(sample.pixels())], return_tensors="pt")
    length, extra = inputs["input_ids"].shape[1], torch.tensor([ids])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], extra], 1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(extra)], 1)
    theirs = [step[token].logprob for step, token in zip(answer.logprobs, ids, strict=True)]
    both = []
    for pixels in (inputs["pixel_values"], torch.zeros_like(inputs["pixel_values"])):
        with torch.inference_mode():
            logits = reference.model(**{**inputs, "pixel_values": pixels}).logits[0, length - 1 : -1]
        both.append(torch.log_softmax(logits, -1).gather(1, extra.T)[:, 0].tolist())
    rows.append([ids, theirs, *both])
print(json.dumps({"answers": rows, "banned": vllm.tokens.banned}))
"""


@pytest.fixture(scope="module")
def model(command, tmp_path_factory) -> Path:
    """Random weights."""
    folder = tmp_path_factory.mktemp("vlm") / "tiny"
    command("vlm.tiny_qwen3_vl", str(folder))
    return folder


@pytest.fixture
def generated(command, model, data_root, tmp_path):
    """The predictions of one `rollout.generate`."""

    def run(backend: str, *overrides: str) -> list[Prediction]:
        output = tmp_path / f"{backend}.jsonl"
        settings = (f"vlm.path={model}", f"data_root={data_root}", f"output={output}", f"backend={backend}")
        command("rollout.generate", *settings, "vlm.max_response_length=24", *overrides)
        return sorted(read_predictions(output), key=lambda row: (row.sample_id, row.draw))

    return run


def test_both_backends_write_the_same_greedy_text(generated):
    ours, theirs = generated("vllm"), generated("transformers")
    assert ours == theirs
    assert len(ours) == 16
    assert len({row.text for row in ours}) > 1
    assert all(0 < row.tokens <= 24 and (row.finish == "stop" or row.tokens == 24) for row in ours)


def test_a_grammar_leaves_nothing_else_to_write(generated):
    for row in generated("vllm", "grammar=true", "temperature=1", "limit=8"):
        assert parse(row.text, "mask").strict == (row.finish == "stop")
        assert row.text.startswith("[") and set(row.text) <= set("[], .0123456789")


def test_log_probabilities_of_sampled_tokens_are_those_of_transformers(repo_root, model, data_root):
    done = subprocess.run(
        [sys.executable, "-c", LOG_PROBS, str(model), str(data_root)],
        cwd=repo_root,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found["answers"]) == 16
    blind_gap = 0.0
    for ids, by_vllm, by_transformers, by_the_blind in found["answers"]:
        assert not set(ids) & set(found["banned"])
        assert by_vllm == pytest.approx(by_transformers, abs=1e-4)
        blind_gap = max(blind_gap, *(abs(a - b) for a, b in zip(by_vllm, by_the_blind, strict=True)))
    assert blind_gap > 1e-2, "the image makes no difference, so nothing was compared"


def test_weights_that_lack_a_tensor_are_refused(command, model, data_root, tmp_path):
    """A norm of the text model: no rule of `vlm.architecture` misses it, the loader does."""
    broken, weights = tmp_path / "broken", model / "model.safetensors"
    shutil.copytree(model, broken)
    tensors = load_file(weights)
    del tensors["model.language_model.norm.weight"]
    save_file(tensors, broken / weights.name)
    settings = (f"vlm.path={broken}", f"data_root={data_root}", f"output={tmp_path}/answers.jsonl")
    said = command("rollout.generate", *settings, "backend=transformers", fails=True)
    error = (
        f"error: {broken}: 1 of the model's weights are missing or of another shape, model.language_model.norm.weight"
    )
    assert said.splitlines()[-1].startswith(error)
    assert [file.name for file in tmp_path.iterdir()] == ["broken"]
