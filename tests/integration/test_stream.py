"""Streamed SFT samples are those that verl's own dataset makes of the prepared rows."""

from pathlib import Path

import torch
from omegaconf import OmegaConf
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

from data.sample import decode_image
from sft.stream import encode, image_inputs
from vlm.tiny_qwen3_vl import build_processor


def test_encode_equals_verls_dataset(data_root: Path):
    processor = build_processor()
    config = OmegaConf.create({"pad_mode": "no_padding", "max_length": 512})
    parquet = str(data_root / "shapes" / "sft" / "train")
    rows = MultiTurnSFTDataset([parquet], processor.tokenizer, config, processor)
    for index in range(0, 96, 12):
        row = rows.dataframe.iloc[index]
        user, assistant = (message["content"] for message in row["messages"])
        image_HW3 = decode_image(row["images"][0]["bytes"])
        ours = encode(processor, image_inputs(processor, image_HW3), user.removeprefix("<image>"), assistant, 512)
        theirs = rows[index]
        for key in ("input_ids", "position_ids"):
            assert torch.equal(ours[key], theirs[key]), key
        end = int((theirs["input_ids"] == processor.tokenizer.eos_token_id).nonzero()[-1])
        assert torch.equal(ours["loss_mask"][: end + 1], theirs["loss_mask"][: end + 1])
        assert torch.equal(ours["multi_modal_inputs"]["pixel_values"], theirs["multi_modal_inputs"]["pixel_values"])
