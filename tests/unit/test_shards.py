"""Shards: the same cut for any number of processes, and found again whole or not at all."""

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from data.shards import shards_of, split_files, split_names
from hardware.checks import check_dataset
from polygon import UserError

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize(("n_rows", "expected"), [(1, [1]), (10, [10]), (11, [10, 1]), (30, [10, 10, 10])])
def test_shards_cover_every_row_once(n_rows, expected):
    shards = list(shards_of("sft", "train", n_rows, 10))
    assert [shard.stop - shard.start for shard in shards] == expected
    assert [row for shard in shards for row in range(shard.start, shard.stop)] == list(range(n_rows))
    assert shards[-1].name == f"sft/train/{len(shards) - 1:05d}-of-{len(shards):05d}.parquet"


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_the_files_of_a_split_are_its_own_and_in_order(tmp_path):
    names = [shard.name for split in ("test", "testA") for shard in shards_of("rl", split, 25, 10)]
    touch(tmp_path, *reversed(names))
    assert [f"rl/{path.relative_to(tmp_path / 'rl')}" for path in split_files(tmp_path / "rl", "test")] == names[:3]
    assert split_names(tmp_path / "rl") == ["test", "testA"]
    assert split_files(tmp_path / "rl", "val") == []


def test_a_single_file_made_elsewhere_is_a_split(tmp_path):
    touch(tmp_path, "val.parquet")
    assert split_files(tmp_path, "val") == [tmp_path / "val.parquet"]
    assert split_names(tmp_path) == ["val"]


def test_a_missing_shard_is_named(tmp_path):
    touch(tmp_path, "val/00000-of-00003.parquet", "val/00002-of-00003.parquet")
    with pytest.raises(UserError, match=r"val: shard 00001-of-00003\.parquet is missing"):
        split_files(tmp_path, "val")


@pytest.mark.parametrize(("file", "stage"), [("rl.yaml", "rl"), ("rows/parquet.yaml", "sft")])
def test_the_trainers_are_pointed_at_the_shards(tmp_path, file, stage):
    content = yaml.safe_load((CONF / file).read_text())
    content = content.get("data", content)
    paths = {key: content[key] for key in ("train_files", "val_files")}
    config = OmegaConf.create({"data_root": str(tmp_path), "dataset": {"name": "a"}, "data": paths})
    with pytest.raises(UserError, match=r"does not exist; prepare it: python -m data\.prepare dataset=a"):
        check_dataset(config)
    touch(tmp_path / "a", *(shard.name for split in ("train", "val") for shard in shards_of(stage, split, 25, 10)))
    check_dataset(config)
