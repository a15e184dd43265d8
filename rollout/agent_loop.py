"""The agent loop of training: one question, one answer, which ends where its outer bracket closes.

Why: what a model writes behind `]]]` can only cost reward and tokens; the first answer is what counts. And a sampled
vision token would pair the next image with nothing and end a run hours in: verl 0.9.1 masks the image and video
placeholders in vLLM's logits (`get_vision_placeholder_token_ids`), this loop the brackets around them.
How: `conf/rl.yaml` names `rollout/agent_loops.yaml`, where verl looks agent loops up by name.
"""

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from data.task import TASKS
from rollout.answer_tokens import VISION_TOKENS
from rollout.stop import closing_token_ids

NEVER = -100.0  # added to a logit; the least that vLLM takes

# By tokenizer: verl makes an agent loop for every answer, and reading a vocabulary takes a while.
_closing_ids: dict[str, list[int]] = {}


class PolygonAgentLoop(SingleTurnAgentLoop):
    """verl's single-turn loop; masks stop at the closing bracket, which stays in the answer and is trained."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        name = self.tokenizer.name_or_path
        if name not in _closing_ids:
            _closing_ids[name] = closing_token_ids(self.tokenizer)
        self.closing_ids = _closing_ids[name]
        vision_ids = {getattr(self.processor, name, None) for name in VISION_TOKENS} - {None}
        self.vision_bias = dict.fromkeys(sorted(vision_ids), NEVER)

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **kwargs) -> AgentLoopOutput:
        sampling_params = {**sampling_params, "logit_bias": self.vision_bias}
        if TASKS[kwargs["ability"]].answer_kind == "mask":
            sampling_params["stop_token_ids"] = self.closing_ids
        return await super().run(sampling_params, priority=priority, **kwargs)
