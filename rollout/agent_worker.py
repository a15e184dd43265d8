"""verl's agent-loop worker, with the group of answers to a question as its unit.

Why: verl renders, asks, scores and stores every answer alone. On a small model that is most of a step
(experiments/LOG.md), and the answers of a group share their image, their target and the server that has both.
How: `conf/rl.yaml` names `PolygonAgentLoopManager` as `agent_loop_manager_class`.
"""

import logging
import random
from typing import Any

import hydra
import numpy as np
import ray
import torch
import transfer_queue as tq
from verl import DataProto
from verl.experimental.agent_loop.agent_loop import AgentLoopOutput, DictConfigWrap, ToolListWrap
from verl.trainer.ppo.v1.agent_loop_tq import (
    AgentLoopManagerTQ,
    AgentLoopWorkerTQ,
    apply_greedy_sampling_params,
)
from verl.utils.profiler import simple_timer
from verl.utils.tensordict_utils import list_of_dict_to_tensordict

from rollout.group import Group
from rollout.image_store import shared

logger = logging.getLogger(__name__)

READ_LATER = ("uid", "data_source", "reward_model")
"""What the trainer reads of an answer's row. Every further field would be packed, sent and kept once an answer."""


@ray.remote
class PolygonAgentLoopWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """One rendering, one request, one scoring and one write for all answers to a question; one agent loop for all
    questions (loops keep nothing between them)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loops: dict[str, Any] = {}

    async def _run_prompt(self, prompt: dict, sampling_params: dict, trajectory: dict, trace: bool = False) -> None:
        """verl's also marks a prompt as running: a write for each, and nothing tells these from the pending ones."""
        partition = "val" if trajectory["validate"] else "train"
        try:
            await self._answer(partition, dict(sampling_params), **prompt)
            status = "finished"
        except Exception:
            logger.exception("no answers to the question with uid=%s", prompt["uid"])
            status = "failure"
        await tq.async_kv_put(key=prompt["uid"], partition_id=partition, tag={"status": status})

    async def _answer(self, partition: str, sampling_params: dict, *, agent_name: str, **row) -> None:
        rollout = self.config.actor_rollout_ref.rollout
        n = row.pop("__rollout_n__", rollout.val_kwargs.n if partition == "val" else rollout.n)
        if not row.pop("__do_sample__", True):
            apply_greedy_sampling_params(sampling_params)
        group = await self._loop(agent_name).run(sampling_params, n=n, **row)
        await self._score(group.answers, row["reward_model"])
        for answer in group.answers:
            await self._compute_teacher_logprobs(
                answer, answer.prompt_ids, answer.response_ids, validate=partition == "val", sample_kwargs=row
            )
        await self._store(group, row, partition)

    async def _store(self, group: Group, row: dict, partition: str) -> None:
        """Put all answers into the TransferQueue as verl's worker puts one: fields to train on, tags to choose by."""
        positions_AL = self._positions(group)
        facts = {name: row[name] for name in READ_LATER}
        keys = [f"{row['uid']}_{session}_0" for session in range(len(group.answers))]
        images = shared(group.image_inputs if partition == "train" else {}, keys)
        fields, tags = [], []
        for session, (answer, image) in enumerate(zip(group.answers, images, strict=True)):
            field = answer.as_dict() | facts
            length = len(answer.prompt_ids) + len(answer.response_ids)
            field |= {
                "loss_mask": field["response_mask"],
                "input_ids": torch.cat([field["prompts"], field["responses"]]),
                "position_ids": positions_AL[..., :length],
                "multi_modal_inputs": image,
            }
            fields.append(field)
            tags.append(
                {
                    "status": "success",
                    "prompt_len": len(answer.prompt_ids),
                    "response_len": len(answer.response_ids),
                    "seq_len": length,
                    "place": [row["data_source"], int(row["index"]), session],
                    "global_steps": row["global_steps"],
                    "min_global_steps": answer.extra_fields.get("min_global_steps"),
                    "max_global_steps": answer.extra_fields.get("max_global_steps"),
                }
            )
        await tq.async_kv_batch_put(
            keys=keys, fields=list_of_dict_to_tensordict(fields), tags=tags, partition_id=partition
        )

    def _loop(self, name: str):
        # Imported here: Ray sends an actor's class by value, and with it would go a copy of verl's registry.
        from verl.experimental.agent_loop.agent_loop import _agent_loop_registry

        if name not in self.loops:
            self.loops[name] = hydra.utils.instantiate(
                config=_agent_loop_registry[name],
                trainer_config=DictConfigWrap(config=self.config),
                server_manager=self.llm_client,
                tokenizer=self.tokenizer,
                processor=self.processor,
                hf_model_type=self.hf_model_type,
                dataset_cls=self.dataset_cls,
                data_config=DictConfigWrap(self.config.data),
                tools=ToolListWrap(self.tools),
            )
        return self.loops[name]

    async def _score(self, answers: list[AgentLoopOutput], reward_model: dict) -> None:
        """Give each answer its reward, from one call of a reward worker."""
        lengths = torch.tensor([len(answer.response_ids) for answer in answers])
        responses = [torch.tensor(answer.response_ids) for answer in answers]
        responses_AT = torch.nn.utils.rnn.pad_sequence(responses, batch_first=True)
        data = DataProto.from_dict(
            tensors={
                "responses": responses_AT,
                "attention_mask": (torch.arange(responses_AT.shape[1]) < lengths.unsqueeze(1)).long(),
            },
            non_tensors={"reward_model": np.array([reward_model] * len(answers), dtype=object)},
        )
        timing: dict[str, float] = {}
        with simple_timer("compute_score", timing):
            scores = await random.choice(self.reward_loop_worker_handles).compute_score_batch.remote(data)
        for answer, score in zip(answers, scores, strict=True):
            answer.reward_score = score["reward_score"]
            answer.extra_fields["reward_extra_info"] = score["reward_extra_info"]
            answer.metrics.compute_score = timing["compute_score"]

    def _positions(self, group: Group) -> torch.Tensor:
        """Of the longest answer's tokens, (axes, L): the others' are its beginning, for an answer holds no image.

        verl takes `mm_token_type_ids` out of the image's inputs on the way: they serve for positions alone.
        """
        longest = max(group.answers, key=lambda answer: len(answer.response_ids))
        input_ids_1L = torch.tensor([longest.prompt_ids + longest.response_ids])
        return self._compute_position_ids(input_ids_1L, torch.ones_like(input_ids_1L), group.image_inputs).squeeze(0)


class PolygonAgentLoopManager(AgentLoopManagerTQ):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = PolygonAgentLoopWorker
