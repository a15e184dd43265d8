"""Answers by plain transformers, batch by batch: slower than vLLM, and the reference to hold vLLM to.

A batch is sampled by the seed of its first request, so sampled answers repeat only when batches are the same; greedy
answers always do.
"""

import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from polygon import Kind, UserError
from rollout.answer_tokens import AnswerTokens
from rollout.prompt import chat_text
from rollout.request import Answer, Request, Sampling, check_prompt


class TransformersBackend:
    """Batches hold one kind of answer, since they end at the same tokens.

    Args:
        folder: a checked model folder.
        max_prompt_length: tokens, image tokens included.
        external_lib: a module to import first, which makes the model faster here (vlm/vision_cpu.py), or None.
    """

    def __init__(
        self,
        folder: Path,
        sampling: Sampling,
        *,
        max_prompt_length: int,
        batch_size: int,
        device: str,
        dtype: str,
        attention: str,
        external_lib: str | None = None,
        trust_remote_code: bool = False,
    ):
        if external_lib:
            importlib.import_module(external_lib)
        self.sampling, self.max_prompt_length, self.batch_size = sampling, max_prompt_length, batch_size
        self.processor = AutoProcessor.from_pretrained(folder, trust_remote_code=trust_remote_code)
        self.processor.tokenizer.padding_side = "left"
        tokenizer, stop = self.processor.tokenizer, sampling.stop_at_bracket
        self.tokens = AnswerTokens(folder, tokenizer, stop_at_bracket=stop)
        model, loading = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            attn_implementation=attention,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, in one line
        )
        if wrong := sorted([*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])]):
            raise UserError(
                f"{folder}: {len(wrong)} of the model's weights are missing or of another shape, {wrong[0]} first; "
                f"weights and config.json are of two models: take all files from one checkpoint"
            )
        # In place of the folder's own temperature, top-k and penalties, which `generate` would fall back on.
        model.generation_config = GenerationConfig()
        self.model = model.to(device).eval()

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]:
        gathering: defaultdict[Kind, list[Request]] = defaultdict(list)
        for request in requests:
            gathering[request.kind].append(request)
            if len(gathering[request.kind]) == self.batch_size:
                yield from self._batch(gathering.pop(request.kind))
        for batch in gathering.values():
            yield from self._batch(batch)

    def _batch(self, batch: list[Request]) -> Iterator[tuple[Request, Answer]]:
        inputs = self.processor(
            text=[chat_text(self.processor, request.sample.prompt) for request in batch],
            images=[Image.fromarray(request.sample.pixels()) for request in batch],
            padding=True,
            return_tensors="pt",
        )
        for request, length in zip(batch, inputs["attention_mask"].sum(1).tolist(), strict=True):
            check_prompt(request, length, self.max_prompt_length)
        kind, greedy = batch[0].kind, self.sampling.temperature == 0
        chosen = GenerationConfig(
            max_new_tokens=self.sampling.max_tokens,
            eos_token_id=self.tokens.stops(kind),
            pad_token_id=self.tokens.pad,
            suppress_tokens=self.tokens.banned,
            do_sample=not greedy,
            **({} if greedy else {"temperature": self.sampling.temperature, "top_k": 0, "top_p": 1.0}),
        )
        torch.manual_seed(batch[0].seed)
        with torch.inference_mode():
            ids_BT = self.model.generate(**inputs.to(self.model.device), generation_config=chosen)
        written = ids_BT[:, inputs["input_ids"].shape[1] :].tolist()
        for request, ids in zip(batch, written, strict=True):
            yield request, self.tokens.read(ids, kind)
