"""The agent loop of training: one question, one answer, which ends where its outer bracket closes.

Why: what a model writes behind `]]]` can only cost reward and tokens; the first answer is what counts.
Image-pad and other vision tokens can never be sampled: verl 0.9.1 masks them in vLLM's `compute_logits`
(`get_vision_placeholder_token_ids`), and a test holds it to that.
How: `conf/rl.yaml` names `rollout/agent_loops.yaml`, where verl looks agent loops up by name.
"""

from typing import Any

from verl.experimental.agent_loop.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from data.task import TASKS
from rollout.stop import closing_token_ids


class PolygonAgentLoop(SingleTurnAgentLoop):
    """verl's single-turn loop; masks stop at the closing bracket, which stays in the answer and is trained."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.closing_ids = closing_token_ids(self.tokenizer)

    async def run(self, sampling_params: dict[str, Any], priority: int = 0, **kwargs) -> AgentLoopOutput:
        if TASKS[kwargs["ability"]].answer_kind == "mask":
            sampling_params = {**sampling_params, "stop_token_ids": self.closing_ids}
        return await super().run(sampling_params, priority=priority, **kwargs)
