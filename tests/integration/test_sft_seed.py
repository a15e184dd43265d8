"""The order of SFT samples, by verl's own data loader."""

from types import SimpleNamespace

import torch
from omegaconf import OmegaConf

from sft.trainer import PolygonSFTTrainer


class Rows(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> int:
        return index


def order(seed: int) -> list[int]:
    """In which a run of that seed asks for the rows."""
    trainer = PolygonSFTTrainer.__new__(PolygonSFTTrainer)
    data = {"train_batch_size": 4, "num_workers": 0, "pad_mode": "no_padding"}
    trainer.config = OmegaConf.create({"data": data, "trainer": {"seed": seed}})
    trainer.engine = SimpleNamespace(get_data_parallel_rank=lambda: 0, get_data_parallel_size=lambda: 1)
    trainer.train_dataset, trainer.val_dataset = Rows(), None
    trainer._build_dataloader()
    trainer.train_dataloader.collate_fn = list
    return [index for batch in trainer.train_dataloader for index in batch]


def test_a_seed_is_an_order_of_samples():
    assert order(0) == order(0)
    assert sorted(order(1)) == sorted(order(0)) == list(range(64))
    assert order(1) != order(0)
