"""The agent loop of training: one question, one answer, which ends where its outer bracket closes.

Why: what a model writes behind `]]]` can only cost reward and tokens; the first answer is what counts. And a sampled
vision token would pair the next image with nothing and end a run hours in: verl 0.9.1 masks the image and video
placeholders in vLLM's logits (`get_vision_placeholder_token_ids`), this loop the brackets around them.
The answers of a group share their question and image, so these are rendered once; verl's single-turn loop does it for
every answer, which was most of a small model's step (experiments/LOG.md).
How: `conf/rl.yaml` names `rollout/agent_loops.yaml`, where verl looks agent loops up by name.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput
from verl.utils.profiler import simple_timer

from data.task import TASKS
from rollout.stop import closing_token_ids
from vlm.vision_tokens import vision_token_ids

NEVER = -100.0  # added to a logit; the least that vLLM takes
PROCESSED = "processed"  # key in an answer's multi-modal data, of which verl stores nothing


@dataclass(frozen=True)
class Prompt:
    """A question as the model reads it: token ids with the image's placeholders, and the image before and after the
    processor."""

    token_ids: list[int]
    images: list[Any]
    processed: dict[str, Any]


class PolygonAgentLoop(AgentLoopBase):
    """Single turn; masks stop at the closing bracket, which stays in the answer and is trained."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.closing_ids = closing_token_ids(self.tokenizer)
        self.vision_bias = dict.fromkeys(vision_token_ids(self.processor), NEVER)
        # By the prompt's uid; an entry lives as long as an answer of its group is being made.
        self.prompts: WeakValueDictionary[str, asyncio.Task[Prompt]] = WeakValueDictionary()

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **kwargs) -> AgentLoopOutput:
        rendering = self.prompts.get(kwargs["uid"])
        if rendering is None:
            rendering = asyncio.create_task(self.render(list(kwargs["raw_prompt"])))
            self.prompts[kwargs["uid"]] = rendering
        prompt = await rendering
        # Answers are trained as token ids: nobody reads their text here.
        sampling_params = {**sampling_params, "logit_bias": self.vision_bias, "detokenize": False}
        if TASKS[kwargs["ability"]].answer_kind == "mask":
            sampling_params["stop_token_ids"] = self.closing_ids
        metrics: dict[str, Any] = {}
        with simple_timer("generate_sequences", metrics):
            answer = await self.server_manager.generate(
                request_id=f"det-{int(priority)}" if self.rollout_config.full_determinism else uuid4().hex,
                prompt_ids=prompt.token_ids,
                sampling_params=sampling_params,
                image_data=prompt.images,
                priority=int(priority),
            )
        metrics["num_preempted"] = -1 if answer.num_preempted is None else answer.num_preempted
        length = self.rollout_config.response_length
        return AgentLoopOutput(
            prompt_ids=prompt.token_ids,
            response_ids=answer.token_ids[:length],
            response_mask=[1] * len(answer.token_ids[:length]),
            response_logprobs=answer.log_probs[:length] if answer.log_probs else None,
            multi_modal_data={"images": prompt.images, PROCESSED: prompt.processed},
            num_turns=2,
            metrics=metrics,
            extra_fields={**answer.extra_fields, "turn_scores": [], "tool_rewards": []},
        )

    async def render(self, messages: list[dict]) -> Prompt:
        images = (await self.process_multi_modal_info(messages)).get("images") or []
        processed: dict[str, Any] = {}
        token_ids = await self.ct_build_initial_tokens(messages, images=images, mm_inputs_out=processed)
        processed.pop("attention_mask", None)  # the answer's own is longer
        if (grid_N3 := processed.get("image_grid_thw")) is not None:  # frames, rows, columns of patches
            processed["images_seqlens"] = torch.repeat_interleave(grid_N3[:, 1] * grid_N3[:, 2], grid_N3[:, 0])
        return Prompt(token_ids, images, processed)
