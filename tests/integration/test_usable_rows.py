"""Rows with images that are none, in the datasets that verl trains on."""

import importlib
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf

from rl.rows import UsableRlRows
from sft.rows import UsableSftRows
from vlm.tiny_qwen3_vl import build_processor

BAD = 1


def damaged(split: Path, folder: Path, images: list[dict]) -> str:
    """A file like the first of `split`, of as many rows as there are `images`."""
    rows = pq.read_table(next(split.glob("*.parquet"))).to_pylist()
    rows = [row | {"images": [image]} for row, image in zip(rows, images, strict=False)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return str(folder / "rows.parquet")


@pytest.mark.parametrize("damage", [lambda png: b"no image", lambda png: png[: len(png) // 2]])
@pytest.mark.parametrize(
    ("rows_class", "stage", "options"),
    [
        (UsableSftRows, "sft", {"pad_mode": "no_padding", "max_length": 512}),
        (UsableRlRows, "rl", {"filter_overlong_prompts": False}),
    ],
)
def test_an_unreadable_image_costs_its_row_only(rows_class, stage, options, damage, data_root, tmp_path):
    split, processor = data_root / "shapes" / stage / "train", build_processor()
    png = pq.read_table(next(split.glob("*.parquet")))["images"][0].as_py()[0]["bytes"]
    images = [{"bytes": damage(png) if row == BAD else png} for row in range(4)]
    rows = rows_class([damaged(split, tmp_path, images)], processor.tokenizer, OmegaConf.create(options), processor)
    assert len(rows) == 4
    key = "input_ids" if stage == "sft" else "extra_info"
    assert str(rows[BAD][key]) == str(rows[BAD + 1][key])
    assert list(rows.skipped) == [BAD]


@pytest.mark.parametrize("gone", ["nowhere/photo.jpg", "file:///nowhere/photo.jpg"])
def test_a_photograph_that_has_gone_is_noticed_before_the_agent_loop(gone, data_root, tmp_path):
    images = [{"image": gone if row == BAD else "data:"} for row in range(4)]
    file = damaged(data_root / "shapes" / "rl" / "train", tmp_path, images)
    options = OmegaConf.create({"filter_overlong_prompts": False})
    rows = UsableRlRows([file], None, options, build_processor())
    assert rows[BAD]["extra_info"]["index"] == rows[BAD + 1]["extra_info"]["index"]
    assert "photo.jpg" in rows.skipped[BAD]


def test_the_server_of_vllm_leaves_warnings_of_skipped_rows_visible(caplog):
    """A dependency of its sets the root logger's level when imported; `apply_environment` says to what."""
    module = importlib.import_module("model_hosting_container_standards.logging_config")
    with caplog.at_level(logging.DEBUG):
        module.configure_root_logger()
        assert logging.getLogger("hardware.usable_rows").isEnabledFor(logging.WARNING)
