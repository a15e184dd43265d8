"""An agent loop's worker without Ray and the engine: a question has up to three answers, scored by their length."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict
from transformers import AutoProcessor
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.utils.tokenizer import hf_processor

from rollout import agent_worker
from rollout.agent_worker import PolygonAgentLoopWorker
from rollout.group import Group

ANSWERS = ([11, 12, 13], [21], [31, 32])
WORKER = PolygonAgentLoopWorker.__ray_metadata__.modified_class


@pytest.fixture
def answers() -> tuple[list[int], ...]:
    """Token ids of all answers to a question."""
    return ANSWERS


class Queue:
    """TransferQueue's puts, kept."""

    def __init__(self):
        self.status, self.batches = [], []

    async def async_kv_put(self, key, partition_id, tag):
        self.status.append((key, partition_id, tag["status"]))

    async def async_kv_batch_put(self, keys, fields, tags, partition_id):
        self.batches.append((keys, fields, tags, partition_id))


class Loop:
    """An agent loop that gives the first n of `ANSWERS`, of one question about one image."""

    def __init__(self, processor):
        image = torch.zeros(3, 32, 32)
        text = "<|vision_start|><|image_pad|><|vision_end|>the circle"
        inputs = processor(text=[text], images=[image], return_tensors="pt")
        self.prompt_ids = inputs.pop("input_ids")[0].tolist()
        inputs.pop("attention_mask")
        self.image_inputs = dict(inputs)
        self.asked = []

    async def run(self, sampling_params, n, **row):
        self.asked.append((sampling_params, n))
        if row["uid"] == "broken":
            raise RuntimeError("no answer")
        answers = [
            AgentLoopOutput(
                prompt_ids=self.prompt_ids, response_ids=ids, response_mask=[1] * len(ids), num_turns=2,
                response_logprobs=[-0.5] * len(ids), metrics=AgentLoopMetrics(),
                extra_fields={"min_global_steps": 7, "max_global_steps": 7},
            )
            for ids in ANSWERS[:n]
        ]  # fmt: skip
        return Group(answers, dict(self.image_inputs))


class Rewards:
    """A reward worker whose reward is the number of an answer's tokens."""

    def __init__(self):
        self.calls = 0
        self.compute_score_batch = SimpleNamespace(remote=self.score)

    async def score(self, data):
        self.calls += 1
        assert [target["ground_truth"] for target in data.non_tensor_batch["reward_model"]] == ["{}"] * len(data)
        lengths = data.batch["attention_mask"].sum(1).tolist()
        return [{"reward_score": float(length), "reward_extra_info": {"reward/iou": length}} for length in lengths]


@pytest.fixture
def worker(checkpoint, monkeypatch):
    made = WORKER.__new__(WORKER)  # without the processes of a run
    made.processor = hf_processor(str(checkpoint))
    made.loops = {"polygon": Loop(AutoProcessor.from_pretrained(checkpoint))}
    made.reward_loop_worker_handles = [Rewards()]
    made.distillation_enabled = False
    rollout = SimpleNamespace(n=3, val_kwargs=SimpleNamespace(n=1))
    made.config = SimpleNamespace(actor_rollout_ref=SimpleNamespace(rollout=rollout))
    made.queue = Queue()
    monkeypatch.setattr(agent_worker, "tq", made.queue)
    return made


@pytest.fixture
def ask(worker) -> Callable[..., None]:
    """Have the worker answer a question."""

    def ask(uid: str = "q", *, validate: bool = False, **more) -> None:
        row = {
            "uid": uid, "agent_name": "polygon", "raw_prompt": [], "reward_model": {"ground_truth": "{}"},
            "global_steps": 8, "data_source": "shapes", "index": 12, **more,
        }  # fmt: skip
        asyncio.run(worker._run_prompt(row, {"temperature": 1.0}, {"validate": validate}))

    return ask


def rows_of(data: TensorDict) -> list[dict]:
    return [getattr(row, "data", row) for row in data["multi_modal_inputs"]]


@pytest.fixture
def image_inputs() -> Callable[[TensorDict], list[dict]]:
    """What answers say of their image, a dictionary each."""
    return rows_of
