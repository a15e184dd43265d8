"""Prepared photographs through verl's own readers with the processor of Qwen2.5-VL-7B, and the card's count of them."""

import json
from pathlib import Path

import pytest
from datasets import disable_progress_bars
from omegaconf import OmegaConf
from PIL import Image
from transformers import AutoProcessor
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.utils.tokenizer import build_multimodal_processor_inputs

from data.card_tokens import TokenCounter
from polygon import UserError

N = 12
# What the model's own chat template makes of one image and one question.
PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n<|vision_start|>{image}<|vision_end|>{question}<|im_end|>\n<|im_start|>assistant\n"
)
PAD = "<|image_pad|>"


@pytest.fixture(scope="module")
def model(shared) -> Path:
    folder = shared / "data/models_small/qwen2.5-vl-7b-config"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: the processor and tokenizer of Qwen2.5-VL-7B-Instruct")
    return folder


@pytest.fixture(scope="module")
def processor(model):
    return AutoProcessor.from_pretrained(model)


@pytest.fixture(scope="module")
def counter(model) -> TokenCounter:
    return TokenCounter(str(model))


@pytest.fixture(scope="module", params=["referenced", "embedded"])
def prepared(request, model, coco_dev, command, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp(request.param)
    sizes = f"dataset.sizes={{sft: {{train: {N}, val: 1}}, rl: {{train: {N}, val: 1}}}}"
    limits = ("card.max_prompt_length=380", "card.max_response_length=150", "card.sheet=0")
    overrides = (f"data_root={root}", sizes, f"card.tokenizer={model}", *limits, f"dataset.images={request.param}")
    command("data.prepare", *coco_dev, *overrides, "codec=default")
    return root / "coco_dev"


def image_tokens(size: tuple[int, int]) -> int:
    """Of a photograph of ordinary size: squares of 28 px, the sides rounded to them."""
    width, height = size
    return round(width / 28) * round(height / 28)


def test_rl_prompts_are_what_the_model_reads(prepared, processor, counter):
    disable_progress_bars()
    config = OmegaConf.create({"max_prompt_length": 4096, "filter_overlong_prompts": False})
    rows = RLHFDataset(str(prepared / "rl/train/*.parquet"), processor.tokenizer, config, processor)
    assert len(rows) == N
    lengths = []
    for row in (rows[index] for index in range(N)):
        (message,) = row["raw_prompt"]
        question = message["content"][1]["text"]
        text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
        assert text == PROMPT.format(image=PAD, question=question)
        images, _, _ = RLHFDataset._process_multi_modal_info([message], rows.image_patch_size, config)
        inputs = build_multimodal_processor_inputs(processor, text=[text], images=images)
        ids = list(inputs["input_ids"][0])
        target = json.loads(row["reward_model"]["ground_truth"])
        expected = image_tokens((target["width"], target["height"]))
        assert ids.count(processor.image_token_id) == expected == int(inputs["image_grid_thw"].prod()) // 4
        assert processor.tokenizer.decode(ids) == PROMPT.format(image=PAD * expected, question=question)
        assert counter.prompt(question, target["height"], target["width"]) == len(ids)
        lengths.append(len(ids))
    found = json.loads((prepared / "card.json").read_text())["figures"]["rl/train"]["tokens"]["prompt"]
    assert (found["n"], found["max"], found["over_limit"]) == (N, max(lengths), sum(n > 380 for n in lengths))
    assert found["mean"] == pytest.approx(sum(lengths) / N, abs=1e-3)


def test_sft_rows_are_what_the_model_learns(prepared, processor, counter):
    config = OmegaConf.create({"pad_mode": "no_padding", "max_length": 8192})
    rows = MultiTurnSFTDataset([str(prepared / "sft/train")], processor.tokenizer, config, processor)
    assert len(rows) == N
    lengths = []
    for index in range(N):
        question, answer = (message["content"] for message in rows.dataframe.iloc[index]["messages"])
        question = question.removeprefix("<image>")
        row = rows[index]
        ids, learnt = row["input_ids"], row["loss_mask"].bool()
        n_image = int((ids == processor.image_token_id).sum())
        (cell,) = rows.dataframe.iloc[index]["images"]
        if "image" in cell:
            assert n_image == image_tokens(Image.open(cell["image"]).size)
        assert processor.tokenizer.decode(ids[~learnt]) == PROMPT.format(image=PAD * n_image, question=question)
        assert processor.tokenizer.decode(ids[learnt]) == f"{answer}<|im_end|>\n"
        assert counter.answer(answer) == int(learnt.sum()) - 1, "the line break behind the end token is not written"
        lengths.append(int(learnt.sum()) - 1)
    found = json.loads((prepared / "card.json").read_text())["figures"]["sft/train"]["tokens"]["answer"]
    assert (found["n"], found["max"], found["over_limit"]) == (N, max(lengths), sum(n > 150 for n in lengths))


def test_the_card_says_what_is_too_long(prepared):
    text = (prepared / "card.md").read_text()
    assert "over the limit" in text and "| 380 |" in text and "| 150 |" in text


def test_a_vertex_takes_fourteen_tokens(counter):
    """Every digit is a token of this tokenizer, which is why the card counts tokens rather than vertices."""
    ring = "[[[0.123, 0.456], [0.234, 0.567], [0.345, 0.678]{}]]"
    assert counter.answer(ring.format(", [0.456, 0.789]")) - counter.answer(ring.format("")) == 14


def test_a_folder_that_is_no_vision_language_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"card\.tokenizer=.*give the folder or the name of a vision-language model"):
        TokenCounter(str(tmp_path))
