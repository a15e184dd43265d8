"""Answers by vLLM inside this process: fast, and sampled request by request, each with its own seed.

Why inside: the engine starts in a third of the time that its three processes take on two cores, its errors arrive as
exceptions, and no process can be left over. `conf/generate.yaml` sets the variable that says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import AutoProcessor
from vllm import EngineArgs, LLMEngine, SamplingParams
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

from polygon import UserError
from rollout.answer_tokens import AnswerTokens
from rollout.prompt import chat_text
from rollout.request import Answer, Request, Sampling, check_prompt


class VllmBackend:
    """Continuous batching: a new request enters the engine as soon as another has left it.

    Args:
        folder: a checked model folder.
        max_prompt_length: tokens, image tokens included.
        max_num_seqs: answers written at a time.
        engine: further arguments of `vllm.EngineArgs`; dtype, enforce_eager, tensor_parallel_size, ...
    """

    def __init__(
        self,
        folder: Path,
        sampling: Sampling,
        *,
        max_prompt_length: int,
        max_num_seqs: int,
        trust_remote_code: bool = False,
        engine: Mapping[str, Any],
    ):
        self.sampling, self.max_prompt_length, self.max_num_seqs = sampling, max_prompt_length, max_num_seqs
        self.processor = AutoProcessor.from_pretrained(folder, trust_remote_code=trust_remote_code)
        tokenizer, stop = self.processor.tokenizer, sampling.stop_at_bracket
        self.tokens = AnswerTokens(folder, tokenizer, stop_at_bracket=stop)
        settings = {
            "model": str(folder),
            "trust_remote_code": trust_remote_code,
            "max_num_seqs": max_num_seqs,
            "max_model_len": max_prompt_length + sampling.max_tokens,
            "limit_mm_per_prompt": {"image": 1, "video": 0},
            "enable_chunked_prefill": False,  # vLLM 0.28 cannot rewind a seeded CPU generator behind half a prompt
            "generation_config": "vllm",  # not the folder's temperature, top-k and penalties
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            **engine,
        }
        try:
            arguments = EngineArgs(**settings)
        except TypeError as error:
            raise UserError(f"backend.engine: {error}; its keys are arguments of vllm.EngineArgs") from error
        self.engine, self.names = LLMEngine.from_engine_args(arguments), count()

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]:
        waiting, running = iter(requests), {}
        while True:
            while len(running) < self.max_num_seqs and (request := next(waiting, None)) is not None:
                running[name := str(next(self.names))] = request
                self.engine.add_request(name, self.render(request), self.parameters(request))
            if not running:
                return
            for output in self.engine.step():
                if output.finished:
                    request = running.pop(output.request_id)
                    yield request, self.tokens.read(output.outputs[0].token_ids, request.kind)

    def render(self, request: Request) -> Any:
        """The engine's input: the prompt's tokens and the image, processed."""
        prompt = {
            "prompt": chat_text(self.processor, request.sample.prompt),
            "multi_modal_data": {"image": Image.fromarray(request.sample.pixels())},
        }
        (rendered,) = self.engine.renderer.render_cmpl([parse_model_prompt(self.engine.model_config, prompt)])
        check_prompt(request, len(rendered["prompt_token_ids"]), self.max_prompt_length)
        return rendered

    def parameters(self, request: Request) -> SamplingParams:
        """Sampling parameters of one request; vision tokens get no probability at all."""
        codec = self.sampling.grammar
        # A grammar ends by itself, and takes every stop token for an end token, not for brackets.
        stops = self.tokens.stops(request.kind) if codec is None else self.tokens.ends
        return SamplingParams(
            temperature=self.sampling.temperature,
            seed=request.seed,
            max_tokens=self.sampling.max_tokens,
            stop_token_ids=stops,
            logit_bias=dict.fromkeys(self.tokens.banned, float("-inf")),
            structured_outputs=codec and StructuredOutputsParams(grammar=codec.grammar(request.kind)),
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
