"""verl's synchronous trainer, with the metrics of polygon rewards in every step."""

import dataclasses
import itertools
import time
from pathlib import Path

import ray
import transfer_queue as tq
from verl.trainer.ppo.utils import Role
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.transferqueue_utils import kv_batch_meta2batch_meta

from hardware.answer_logits import LOG_PROB_GAP, mean_gap
from polygon.errors import UserError
from rewards.group_stats import means, zero_variance_share
from rl.actor import PolygonActorWorker
from rl.divergence import check_update
from rl.validation_overlays import ValidationOverlays

POLL_SECONDS = 0.1
ACCELERATORS_TIMEOUT_S = 60.0
GAP = "rollout_actor/log_prob_gap"
NOT_LEARNT = {
    "data_source", "extra_fields", "log_probs", "metrics", "num_turns", "returns", "reward_model", "rm_scores", "uid",
}  # fmt: skip
"""Fields of an answer in the TransferQueue that are about it: its row, its reward's details, its bookkeeping."""


SAVED = ["prompts", "responses", "response_mask", "advantages", "old_log_probs", "rollout_log_probs", "uid"]
"""Fields of the batch of an update that diverged."""


class MeansOfAnswers:
    """Mixin before one of verl's V1 trainers: validation metrics are means over all answers (`mean@1`).

    Of several answers to a question verl would also estimate best and worst of fewer, by 1,000 samples in a Python loop
    for each question and metric: 90 s for 512 questions and our metrics.
    """

    def _val_metrics_update(self, data_sources, sample_uids, *args, **kwargs):
        return super()._val_metrics_update(data_sources, [*map(str, range(len(sample_uids)))], *args, **kwargs)


class PolygonTrainer(ValidationOverlays, MeansOfAnswers, PPOTrainerSync):
    """Adds per step: the mean of every raw reward term, parse failures, vertices, groups without variance, and the mean
    absolute gap between the log-probabilities of rollout and actor, which must stay far below GSPO's clip band.
    With `algorithm.rollout_correction.bypass_mode`, which trains on the rollout's, that of the first mini-batch.

    verl carries the reward's extra values to the trainer and then logs none of them.
    """

    def _init_resource_pool_mgr(self):
        super()._init_resource_pool_mgr()
        await_accelerators(self.resource_pool_manager.get_n_gpus())
        for role in self.role_worker_mapping.keys() - {Role.Critic}:
            self.role_worker_mapping[role] = ray.remote(PolygonActorWorker)

    def on_sample_end(self):
        """verl waits for every answer before it frees the engine's memory; an engine that keeps it may go on writing,
        while an update has the first answers (`trainer.v1.sync.parameter_sync_step`)."""
        if self.config.actor_rollout_ref.rollout.free_cache_engine:
            super().on_sample_end()

    def _compute_old_log_prob(self, batch, metrics):
        batch = super()._compute_old_log_prob(batch, metrics)
        if not self.config.algorithm.rollout_correction.bypass_mode:
            fields = ["rollout_log_probs", "old_log_probs", "response_mask"]
            data = tq.kv_batch_get(keys=answered(batch), partition_id=batch.partition_id, select_fields=fields)
            metrics[GAP] = mean_gap(*(data[name].values() for name in fields))
        return batch

    def _update_actor(self, batch, metrics):
        """Without the fields that no update reads: verl cuts each into mini-batches row by row.

        A batch of which no group has two different rewards teaches nothing and is skipped: its advantages are 0, but an
        optimiser with momentum would move all the same.
        """
        if not self._values(batch, "advantages").any():
            print(f"step {self.global_steps}: no group has two different rewards; its update is skipped", flush=True)
            metrics["group/skipped"] = 1.0
            return batch
        metrics["group/skipped"] = 0.0
        fields = [name for name in kv_batch_meta2batch_meta(batch).field_names if name not in NOT_LEARNT]
        found: dict[str, float] = {}
        super()._update_actor(dataclasses.replace(batch, fields=fields), found)
        check_update(
            found,
            self.global_steps,
            Path(self.config.trainer.default_local_dir).parent,
            lambda: tq.kv_batch_get(keys=answered(batch), partition_id=batch.partition_id, select_fields=SAVED),
        )
        gap = found.pop(f"actor/{LOG_PROB_GAP}")
        if self.local_trigger_step == 0:  # later parts of a batch are compared with a policy that has moved
            found[GAP] = gap
        metrics.update(found | metrics)  # what all answers said of entropy and gap stays
        return batch

    def _values(self, batch, field: str):
        """All values of one field of the answers, without padding."""
        data = tq.kv_batch_get(keys=answered(batch), partition_id=batch.partition_id, select_fields=[field])
        return data[field].values()

    def _compute_metrics(self, batch, metrics, timing_raw, global_steps, epoch):
        super()._compute_metrics(batch, metrics, timing_raw, global_steps, epoch)
        fields = ["uid", "extra_fields"]
        data = tq.kv_batch_get(keys=answered(batch), partition_id=batch.partition_id, select_fields=fields)
        rows = [fields["reward_extra_info"] for fields in data.pop("extra_fields").tolist()]
        metrics.update(means(rows))
        totals = [row["reward/total"] for row in rows]
        metrics["group/zero_variance_share"] = zero_variance_share(totals, list(data.pop("uid").tolist()))


def answered(batch) -> list[str]:
    """The keys of a batch without those that only fill it up."""
    return [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]


def await_accelerators(needed: int, timeout_s: float = ACCELERATORS_TIMEOUT_S) -> None:
    """Wait until Ray knows of so many free accelerators; verl looks once, and raises.

    A node reports what it has some time after it is up, on a busy machine seconds later, and so does one whose last run
    has just ended. Raises UserError when time is up.
    """
    deadline = time.monotonic() + timeout_s
    while (free := ray.available_resources().get("GPU", 0)) < needed:
        if time.monotonic() > deadline:
            raise UserError(
                f"Ray has {free:g} free accelerators and this run needs {needed}: end what uses the others, start more "
                "nodes, or set hardware.devices and hardware.nodes to what there is"
            )
        time.sleep(POLL_SECONDS)


class QuickReplayBuffer(ReplayBuffer):
    """verl's replay buffer, asked more often: its 2 s between two looks are most of a small model's step.

    Questions come as they were asked and answers in the order of their questions, not as they were ready: mini-batches
    are the same again. `trainer.v1.sampler.custom_sampler` names it.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, poll_interval=POLL_SECONDS, **kwargs)

    def _sampleable_terminal_keys(self, partition_id, eviction_reasons):
        """Those before which, in the order of asking, no question waits for answers."""
        done = super()._sampleable_terminal_keys(partition_id, eviction_reasons)
        asked = self.prompt_global_steps[partition_id]
        return dict.fromkeys(itertools.takewhile(done.__contains__, asked)).keys()

    def _materialize_batch(self, *args, **kwargs):
        batch = super()._materialize_batch(*args, **kwargs)
        batch.reorder(sorted(range(len(batch)), key=lambda row: batch.tags[row].get("place", [])))
        return batch
