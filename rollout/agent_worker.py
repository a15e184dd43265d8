"""verl's agent-loop worker, which prepares a prompt once for all answers of its group.

Why: verl makes an agent loop for every answer and runs the image processor on it once more to store its inputs. On a
small model that is most of a step (experiments/LOG.md); the answers of a group share their image, so they share these.
How: `conf/rl.yaml` names `PolygonAgentLoopManager` as `agent_loop_manager_class`.
"""

import hydra
import ray
from verl.experimental.agent_loop.agent_loop import DictConfigWrap, ToolListWrap
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ

from rollout.agent_loop import PROCESSED


@ray.remote
class PolygonAgentLoopWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """One agent loop for all answers (loops keep nothing between them); processor output as the loop left it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loops = {}

    async def _run_agent_loop(self, sampling_params, trajectory, *, agent_name, trace=True, **kwargs):
        # Imported here: Ray sends an actor's class by value, and with it would go a copy of verl's registry.
        from verl.experimental.agent_loop.agent_loop import _agent_loop_registry

        if agent_name not in self.loops:
            self.loops[agent_name] = hydra.utils.instantiate(
                config=_agent_loop_registry[agent_name],
                trainer_config=DictConfigWrap(config=self.config),
                server_manager=self.llm_client,
                tokenizer=self.tokenizer,
                processor=self.processor,
                hf_model_type=self.hf_model_type,
                dataset_cls=self.dataset_cls,
                data_config=DictConfigWrap(self.config.data),
                tools=ToolListWrap(self.tools),
            )
        output = await self.loops[agent_name].run(sampling_params, **kwargs)
        return await self._agent_loop_postprocess(output, trajectory["validate"], **kwargs)

    def _compute_multi_modal_inputs(self, output, input_ids):
        processed = (output.multi_modal_data or {}).get(PROCESSED)
        return super()._compute_multi_modal_inputs(output, input_ids) if processed is None else dict(processed)


class PolygonAgentLoopManager(AgentLoopManagerTQ):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = PolygonAgentLoopWorker
