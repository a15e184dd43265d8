"""The agent loop of training: a question and all answers to it, each of which ends where its outer bracket closes.

Why: what a model writes behind `]]]` can only cost reward and tokens; the first answer is what counts. And a sampled
vision token would pair the next image with nothing and end a run hours in: verl 0.9.1 masks the image and video
placeholders in vLLM's logits (`get_vision_placeholder_token_ids`), this loop the brackets around them.
The answers of a group share their question and image, so these are rendered and sent once; verl's single-turn loop does
it for every answer, which was most of a small model's step (experiments/LOG.md).
How: `conf/rl.yaml` names `rollout/agent_loops.yaml`, where verl looks agent loops up by name.
"""

import zlib
from typing import Any
from uuid import uuid4

import torch
from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopOutput
from verl.utils.profiler import simple_timer

from data.task import TASKS
from rollout.group import OTHERS, Group
from rollout.stop import TrainingStops
from vlm.vision_tokens import vision_token_ids

NEVER = -100.0  # added to a logit; the least that vLLM takes


def request_seed(*facts: str | int) -> int:
    """Of run, step and question; vLLM adds an answer's place in its group."""
    return zlib.crc32(repr(facts).encode())


class PolygonAgentLoop(AgentLoopBase):
    """Single turn; answers end at the model's end tokens, masks at the closing bracket too. Either is trained."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stops = TrainingStops(self.tokenizer)
        self.vision_bias = dict.fromkeys(vision_token_ids(self.processor), NEVER)

    async def run(self, sampling_params: dict[str, Any], n: int, priority: int = 0, **row) -> Group:
        """`n` answers to the question of one row."""
        prompt_ids, images, image_inputs = await self.render(list(row["raw_prompt"]))
        # Answers are trained as token ids: nobody reads their text here.
        sampling_params = {**sampling_params, "n": n, "logit_bias": self.vision_bias, "detokenize": False}
        if self.rollout_config.custom["seed_requests"]:
            question = row["data_source"], int(row["index"])
            sampling_params["seed"] = request_seed(self.rollout_config.seed, int(row["global_steps"]), *question)
        if stop_ids := self.stops.of(TASKS[row["ability"]].answer_kind):
            sampling_params["stop_token_ids"] = stop_ids
        metrics: dict[str, Any] = {}
        with simple_timer("generate_sequences", metrics):
            first = await self.server_manager.generate(
                request_id=f"det-{int(priority)}" if self.rollout_config.full_determinism else uuid4().hex,
                prompt_ids=prompt_ids,
                sampling_params=sampling_params,
                image_data=images,
                priority=int(priority),
            )
        metrics["num_preempted"] = -1 if first.num_preempted is None else first.num_preempted
        length = self.rollout_config.response_length
        found = [(first.token_ids, first.log_probs), *first.extra_fields.pop(OTHERS)]
        answers = [
            AgentLoopOutput(
                prompt_ids=prompt_ids,
                response_ids=token_ids[:length],
                response_mask=[1] * len(token_ids[:length]),
                response_logprobs=log_probs[:length] if log_probs else None,
                num_turns=2,
                metrics=metrics,
                extra_fields={**first.extra_fields, "turn_scores": [], "tool_rewards": []},
            )
            for token_ids, log_probs in found
        ]
        return Group(answers, image_inputs)

    async def render(self, messages: list[dict]) -> tuple[list[int], list[Any], dict[str, Any]]:
        """The prompt's token ids, its images, and these as the model's inputs."""
        images = (await self.process_multi_modal_info(messages)).get("images") or []
        processed: dict[str, Any] = {}
        token_ids = await self.ct_build_initial_tokens(messages, images=images, mm_inputs_out=processed)
        processed.pop("attention_mask", None)  # the answer's own is longer
        if (grid_N3 := processed.get("image_grid_thw")) is not None:  # frames, rows, columns of patches
            processed["images_seqlens"] = torch.repeat_interleave(grid_N3[:, 1] * grid_N3[:, 2], grid_N3[:, 0])
        return token_ids, images, processed
