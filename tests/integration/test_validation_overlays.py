"""Pictures of a validation in wandb, through verl's own dataset and its own `_validate`; queue and model are made up.

Why without them: what can break here is what verl calls these methods with, and that needs neither Ray nor vLLM.
"""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import wandb
from omegaconf import OmegaConf
from torch.utils.data import DataLoader
from verl.trainer.ppo.v1 import trainer_base
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

from data import Shapes
from data.answer import answer_region
from data.sample import rl_row
from polygon import Codec
from rl.trainer import PolygonTrainer
from rl.validation_overlays import KEY
from vlm.tiny_qwen3_vl import build_processor

CODEC = Codec(precision=2)
SAMPLES = [Shapes().sample("val", index, "text2mask") for index in range(4)]
GOLD = {sample.sample_id: CODEC.format(answer_region(sample, CODEC)) for sample in SAMPLES}


def objects(values: list) -> np.ndarray:
    return np.fromiter(values, dtype=object, count=len(values))


class Queue:
    """TransferQueue, the agent loop and the replay buffer in one: answers every row with its gold text, last first."""

    def __init__(self, tokenizer):
        self.tokenizer, self.rows = tokenizer, []

    def kv_batch_put(self, keys, partition_id, tags):
        pass

    def kv_clear(self, keys, partition_id):
        pass

    def generate_sequences(self, batch):
        columns = zip(*(batch[name] for name in ("uid", "extra_info", "reward_model", "data_source")), strict=True)
        self.rows = [[getattr(value, "data", value) for value in row] for row in columns][::-1]

    def sample(self, global_steps, partition_id, batch_size):
        keys = [f"{uid}_0_0" for uid, *_ in self.rows]
        return SimpleNamespace(keys=keys, partition_id=partition_id), {}

    def kv_batch_get(self, keys, partition_id, select_fields):
        uids, infos, rewards, sources = map(list, zip(*self.rows, strict=True))
        tokens = [torch.tensor(self.tokenizer.encode(GOLD[info["sample_id"]])) for info in infos]
        text = torch.nested.as_nested_tensor(tokens, layout=torch.jagged)
        extra = [{"reward_extra_info": {"reward/iou": 1.0}} for _ in uids]
        fields = {
            "prompts": text,
            "responses": text,
            "uid": objects(uids),
            "rm_scores": torch.ones(len(uids), 1),
            "num_turns": objects([2] * len(uids)),
            "reward_model": objects(rewards),
            "data_source": objects(sources),
            "extra_fields": objects(extra),
        }
        return {name: fields[name] for name in select_fields}


@pytest.fixture
def trainer(tmp_path, monkeypatch) -> PolygonTrainer:
    processor = build_processor()
    table = pa.Table.from_pylist([rl_row(one, "Outline the star.", index) for index, one in enumerate(SAMPLES)])
    pq.write_table(table, tmp_path / "val.parquet")
    # Unless told not to, verl's dataset filters in forked processes, and a fork of a process of many threads may hang.
    data = {"image_key": "images", "prompt_key": "prompt", "cache_dir": str(tmp_path), "filter_overlong_prompts": False}
    dataset = RLHFDataset(str(tmp_path / "val.parquet"), processor.tokenizer, OmegaConf.create(data), processor)
    queue = Queue(processor.tokenizer)
    monkeypatch.setattr(trainer_base, "tq", queue)
    trainer = object.__new__(PolygonTrainer)
    trainer.config = OmegaConf.create(
        {
            "trainer": {"logger": ["wandb"], "log_val_generations": 3},
            "actor_rollout_ref": {"rollout": {"val_kwargs": {"n": 1}}},
            "codec": {"precision": 2},
        }
    )
    trainer.val_dataloader = DataLoader(dataset, batch_size=2, collate_fn=collate_fn)
    trainer.tokenizer, trainer.global_steps = processor.tokenizer, 5
    trainer.agent_loop_manager = trainer.replay_buffer = queue
    trainer.reward_loop_manager = SimpleNamespace(reward_loop_worker_handles=["somewhere"])
    trainer.validation_generations_logger = trainer_base.ValidationGenerationsLogger()
    return trainer


def test_verls_validation_logs_each_picture_with_its_own_answer(trainer, tmp_path, monkeypatch):
    logged = []
    with wandb.init(mode="offline", dir=tmp_path), monkeypatch.context() as patched:
        patched.setattr(wandb, "log", lambda data, step: logged.append((data, step)))
        metrics = trainer._validate()
    assert metrics
    [pictures] = [data[KEY] for data, step in logged if KEY in data and step == 5]
    assert any("val/generations" in data for data, _ in logged)  # verl's own table is still there
    assert len(pictures) == 3
    for picture, sample in zip(pictures, SAMPLES, strict=False):
        question, score, text = picture._caption.splitlines()
        assert (question, text) == (sample.expression, GOLD[sample.sample_id])
        assert float(score.removeprefix("IoU ")) > 0.85
        assert picture._width == sample.width


def test_several_answers_to_a_question_count_each_for_itself(trainer):
    trainer._first_batches = []
    rewards = {"reward/iou": [0.0, 1.0, 1.0, 0.5]}
    metrics = trainer._val_metrics_update(["shapes"] * 4, ["a", "a", "b", "b"], rewards, [])
    assert metrics == {"val-aux/shapes/reward/iou/mean@1": 0.625}
