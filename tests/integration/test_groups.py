"""A question and its answers as one: what the server returns, what the worker stores, without Ray and the engine."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest
import torch
from tensordict import TensorDict
from transformers import AutoProcessor
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput
from verl.trainer.ppo.v1 import replay_buffer
from verl.utils.tensordict_utils import assign_non_tensor_stack
from verl.utils.tokenizer import hf_processor
from verl.workers.rollout.replica import RolloutReplicaRegistry, TokenOutput
from verl.workers.rollout.vllm_rollout.vllm_async_server import vLLMHttpServer
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind

from rl.trainer import QuickReplayBuffer
from rollout import agent_worker, image_store, vllm_server
from rollout.agent_loop import request_seed
from rollout.agent_worker import PolygonAgentLoopWorker
from rollout.group import OTHERS, Group
from rollout.image_store import shared, with_images
from rollout.vllm_server import GroupReplica, GroupServer

ANSWERS = ([11, 12, 13], [21], [31, 32])
WORKER = PolygonAgentLoopWorker.__ray_metadata__.modified_class


def completion(index: int, ids: list[int]) -> CompletionOutput:
    ranks = [{token: Logprob(-token / 100)} for token in ids]
    return CompletionOutput(index, "", ids, cumulative_logprob=None, logprobs=ranks, finish_reason="stop")


@pytest.fixture
def server(monkeypatch) -> GroupServer:
    """Ours on an engine that gives `ANSWERS`, with what verl's makes of the first."""

    async def generate(prompt, sampling_params, request_id):
        made.asked.append(sampling_params)
        outputs = [completion(index, ids) for index, ids in enumerate(ANSWERS)]
        yield RequestOutput(request_id, None, [1], None, outputs, finished=True)

    async def verls(self, prompt_ids, sampling_params, request_id):
        async for output in self.engine.generate(prompt_ids, sampling_params, request_id=request_id):
            last = output
        if made.broken:
            raise RuntimeError("no answer")
        return TokenOutput(token_ids=last.outputs[0].token_ids, extra_fields={"global_steps": 7})

    async def run_server(self, args):
        self.engine = SimpleNamespace(generate=generate)

    monkeypatch.setattr(vLLMHttpServer, "generate", verls)
    monkeypatch.setattr(vLLMHttpServer, "run_server", run_server)
    made = GroupServer.__new__(GroupServer)
    made.asked, made.broken = [], False
    asyncio.run(made.run_server(None))
    return made


def test_the_other_answers_come_beside_the_first(server):
    output = asyncio.run(server.generate([1], {"n": 3}, "a"))
    assert output.token_ids == ANSWERS[0]
    assert output.extra_fields[OTHERS] == [([21], [-0.21]), ([31, 32], [-0.31, -0.32])]
    assert server.asked[0]["output_kind"] == RequestOutputKind.FINAL_ONLY  # else vLLM yields answer by answer


def test_a_failed_request_leaves_nothing_behind(server):
    server.broken = True
    with pytest.raises(RuntimeError, match="no answer"):
        asyncio.run(server.generate([1], {"n": 3}, "a"))
    assert server.results == {}


def test_the_server_is_registered_under_verls_name(monkeypatch):
    monkeypatch.setattr(RolloutReplicaRegistry, "_registry", dict(RolloutReplicaRegistry._registry))
    vllm_server.register()
    assert RolloutReplicaRegistry.get("vllm") is GroupReplica


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


def ask(worker, uid: str = "q", *, validate: bool = False, **more) -> None:
    row = {
        "uid": uid, "agent_name": "polygon", "raw_prompt": [], "reward_model": {"ground_truth": "{}"},
        "global_steps": 8, "data_source": "shapes", "index": 12, **more,
    }  # fmt: skip
    asyncio.run(worker._run_prompt(row, {"temperature": 1.0}, {"validate": validate}))


def test_a_group_is_asked_scored_and_stored_once(worker):
    ask(worker)
    assert worker.queue.status == [("q", "train", "finished")]
    assert [n for _, n in worker.loops["polygon"].asked] == [3]
    assert worker.reward_loop_worker_handles[0].calls == 1
    ((keys, fields, tags, partition),) = worker.queue.batches
    assert (keys, partition) == (["q_0_0", "q_1_0", "q_2_0"], "train")
    assert [row.tolist() for row in fields["responses"].unbind()] == list(ANSWERS)
    assert [row.tolist() for row in fields["rm_scores"].unbind()] == [[0, 0, 3], [1], [0, 2]]
    assert [tag["response_len"] for tag in tags] == [3, 1, 2]
    assert [tag["place"] for tag in tags] == [["shapes", 12, session] for session in range(3)]
    assert all(tag["seq_len"] == tag["prompt_len"] + tag["response_len"] for tag in tags)
    assert list(fields["data_source"]) == ["shapes"] * 3
    assert not {"raw_prompt", "agent_name", "index"} & set(fields.keys())


def image_inputs(data: TensorDict) -> list[dict]:
    return [getattr(row, "data", row) for row in data["multi_modal_inputs"]]


def share_of(rows: list[dict]) -> TensorDict:
    """A device's share of a batch, as far as images go."""
    data = TensorDict({}, batch_size=[len(rows)])
    assign_non_tensor_stack(data, "multi_modal_inputs", rows)
    return data


@pytest.fixture
def stored(worker, monkeypatch) -> list[dict]:
    """What is stored of the image with the answers to a question, in a TransferQueue that gives it again."""
    ask(worker)
    ((keys, fields, _, _),) = worker.queue.batches
    rows = image_inputs(fields)

    def kv_batch_get(keys: list[str], partition_id: str, select_fields: list[str]) -> TensorDict:
        assert (partition_id, select_fields) == ("train", ["multi_modal_inputs"])
        worker.queue.asked.append(keys)
        return share_of([by_key[key] for key in keys])

    by_key = dict(zip(keys, rows, strict=True))
    worker.queue.asked = []
    monkeypatch.setattr(image_store.tq, "kv_batch_get", kv_batch_get)
    return rows


def test_an_image_is_stored_with_the_first_answer_alone(stored, worker):
    first, *others = stored
    assert torch.equal(first["pixel_values"], worker.loops["polygon"].image_inputs["pixel_values"])
    assert others == [{"image_of": "q_0_0"}] * 2


def test_each_answer_learns_with_its_image(stored, worker):
    for found in image_inputs(with_images(share_of(stored))):
        assert found.keys() == worker.loops["polygon"].image_inputs.keys() - {"mm_token_type_ids"}
        assert torch.equal(found["pixel_values"], worker.loops["polygon"].image_inputs["pixel_values"])
    assert worker.queue.asked == []


def test_an_image_that_another_device_has_is_fetched(stored, worker):
    share = image_inputs(with_images(share_of(stored[1:])))
    assert worker.queue.asked == [["q_0_0"]]
    wanted = {name: value for name, value in stored[0].items() if name != "image_of"}
    for found in share:
        assert found.keys() == wanted.keys()
        assert torch.equal(found["pixel_values"], wanted["pixel_values"])


def test_what_fills_up_a_batch_and_questions_without_images_have_none():
    for rows in ([{}, {}], shared({}, ["q_0_0", "q_1_0"])):
        assert image_inputs(with_images(share_of(rows))) == [{}, {}]


def test_positions_are_those_that_each_answer_would_have_alone(worker):
    ask(worker)
    ((_, fields, _, _),) = worker.queue.batches
    loop = worker.loops["polygon"]
    for ids, found in zip(fields["input_ids"].unbind(), fields["position_ids"], strict=True):
        alone = worker._compute_position_ids(ids[None], torch.ones_like(ids[None]), dict(loop.image_inputs))
        assert torch.equal(found, alone.squeeze(0))


def test_a_validation_asks_as_often_as_it_says(worker):
    ask(worker, validate=True)
    ask(worker, "many", validate=True, __rollout_n__=2)
    assert [n for _, n in worker.loops["polygon"].asked] == [1, 2]
    assert {partition for *_, partition in worker.queue.batches} == {"val"}
    for _, fields, _, _ in worker.queue.batches:
        assert not any(image_inputs(fields))  # which nothing reads


def test_a_baseline_is_greedy(worker):
    ask(worker, __do_sample__=False)
    assert worker.loops["polygon"].asked[0][0]["temperature"] == 0


def test_a_question_without_answers_is_told_and_stores_nothing(worker, caplog):
    ask(worker, "broken")
    assert worker.queue.status[-1] == ("broken", "train", "failure")
    assert worker.queue.batches == []
    assert "uid=broken" in caplog.text


def test_a_batch_comes_in_the_order_of_its_questions(monkeypatch):
    """Whatever was ready first; uids are other ones in every run."""
    monkeypatch.setattr(replay_buffer.tq, "kv_clear", lambda **kwargs: None)
    buffer = QuickReplayBuffer.__new__(QuickReplayBuffer)
    ready = [("b", 3, 1), ("a", 10, 0), ("b", 3, 0), ("c", 9, 0), ("a", 10, 1)]
    partition = {f"{uid}_{session}_0": {"place": ["shapes", index, session]} for uid, index, session in ready}
    batch = buffer._materialize_batch("train", ["a", "b"], partition)
    assert batch.keys == ["b_0_0", "b_1_0", "a_0_0", "a_1_0"]
    assert [tag["place"][1:] for tag in batch.tags] == [[3, 0], [3, 1], [10, 0], [10, 1]]


@pytest.mark.parametrize(("done", "taken"), [("bc", ""), ("ac", "a"), ("ba", "ab"), ("abc", "abc")])
def test_a_part_of_a_batch_waits_for_the_questions_asked_first(done, taken):
    """Else what is trained first would hang on which answers were ready first."""
    buffer = QuickReplayBuffer.__new__(QuickReplayBuffer)
    buffer.finished_keys, buffer.failure_keys = {"train": set(done[1:])}, {"train": set(done[:1])}
    buffer.prompt_global_steps = {"train": {"a": 1, "b": 1, "c": 1}}
    assert "".join(buffer._sampleable_terminal_keys("train", (set(), set(), set(), {}))) == taken


def test_the_seed_of_a_request_hangs_on_run_step_and_question():
    asked = list(itertools.product((0, 1), (5, 6), ("shapes", "refcoco"), range(50)))
    assert len({request_seed(*facts) for facts in asked}) == len(asked)
    assert request_seed(0, 5, "shapes", 7) == request_seed(0, 5, "shapes", 7) < 2**32
