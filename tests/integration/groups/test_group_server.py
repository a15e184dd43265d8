"""vLLM's server gives all answers to a question at once."""

import asyncio
from types import SimpleNamespace

import pytest
from verl.workers.rollout.replica import RolloutReplicaRegistry, TokenOutput
from verl.workers.rollout.vllm_rollout.vllm_async_server import vLLMHttpServer
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind

from rollout import vllm_server
from rollout.group import OTHERS
from rollout.vllm_server import GroupReplica, GroupServer


def completion(index: int, ids: list[int]) -> CompletionOutput:
    ranks = [{token: Logprob(-token / 100)} for token in ids]
    return CompletionOutput(index, "", ids, cumulative_logprob=None, logprobs=ranks, finish_reason="stop")


@pytest.fixture
def server(answers, monkeypatch) -> GroupServer:
    """Ours on an engine that gives all answers, with what verl's makes of the first."""

    async def generate(prompt, sampling_params, request_id):
        made.asked.append(sampling_params)
        outputs = [completion(index, ids) for index, ids in enumerate(answers)]
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


def test_the_other_answers_come_beside_the_first(server, answers):
    output = asyncio.run(server.generate([1], {"n": 3}, "a"))
    assert output.token_ids == answers[0]
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
