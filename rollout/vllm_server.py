"""verl's vLLM server, which gives all answers to a question at once.

Why: the answers of a group share prompt and image. verl asks for each alone, and each is then routed, sent, tokenised
and has its image hashed anew; with 256 short answers a step that costs more than sampling them (experiments/LOG.md).
How: `n` among the sampling parameters is vLLM's own. verl's server returns the first of n answers; this one returns the
others beside it. `register` puts it in verl's registry of rollouts, under verl's name for vLLM.
"""

from typing import Any

import ray
from verl.workers.rollout.replica import RolloutReplicaRegistry, TokenOutput
from verl.workers.rollout.vllm_rollout.vllm_async_server import vLLMHttpServer, vLLMReplica
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import RequestOutputKind

from rollout.group import OTHERS


class GroupServer(vLLMHttpServer):
    """Answers with the first of n completions, and the others under `extra_fields[OTHERS]`."""

    async def run_server(self, args):
        await super().run_server(args)
        self.results: dict[str, RequestOutput] = {}
        self.engine.generate = self.keeping(self.engine.generate)

    def keeping(self, generate):
        """The engine's `generate`, which leaves what it ends with in `results`."""

        async def kept(*args, request_id: str, **kwargs):
            async for output in generate(*args, request_id=request_id, **kwargs):
                self.results[request_id] = output
                yield output

        return kept

    async def generate(
        self, prompt_ids: list[int], sampling_params: dict[str, Any], request_id: str, **kwargs: Any
    ) -> TokenOutput:
        sampling_params = {**sampling_params, "output_kind": RequestOutputKind.FINAL_ONLY}
        try:
            first = await super().generate(prompt_ids, sampling_params, request_id, **kwargs)
        finally:
            result = self.results.pop(request_id, None)
        if result is not None:
            first.extra_fields[OTHERS] = [tokens_of(completion) for completion in result.outputs[1:]]
        return first


def tokens_of(completion: CompletionOutput) -> tuple[list[int], list[float] | None]:
    """A completion's token ids and, if asked for, the log-probability of each."""
    ids = list(completion.token_ids)
    if completion.logprobs is None:
        return ids, None
    return ids, [ranks[token].logprob for token, ranks in zip(ids, completion.logprobs, strict=True)]


class GroupReplica(vLLMReplica):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.server_class = ray.remote(GroupServer)


def register() -> None:
    """Rollouts of the run whose process calls this are served by `GroupServer`."""
    RolloutReplicaRegistry.register("vllm", lambda: GroupReplica)
