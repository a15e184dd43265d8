"""`SampleStream`: SFT rows made on the fly, a fresh scene for every sample, in the form verl's trainer reads.

Why: a model that sees no scene twice cannot memorise one, and no parquet of a million images has to be written.
How: `rows=stream` (conf/rows) names this class in verl's `data.custom_cls`. Row i is that of `data.stream.SftRows`, the
same that `data.prepare` writes; verl's sampler says in which order, so a resumed run goes on with rows it had not seen.
"""

import torch
from omegaconf import OmegaConf
from torch.utils.data import Dataset
from verl.models.transformers.qwen2_vl import get_rope_index

from data.sources import open_source
from data.stream import SftRows
from data.task import TaskMix
from polygon import Codec


class SampleStream(Dataset):
    """Dataset of `max_samples` rows; the signature is that of verl's `MultiTurnSFTDataset`."""

    def __init__(self, parquet_files, tokenizer, config, processor, max_samples: int = -1):
        stream = OmegaConf.to_container(config.stream, resolve=True)
        mix = TaskMix.from_config(stream["task"]["weights"])
        self.rows = SftRows(
            open_source(stream["dataset"]),
            mix,
            Codec.from_config(stream["codec"]),
            "train",
            stream["dataset"]["answers"],
            stream["questions"],
        )
        self.seen: tuple[int, dict] | None = None  # a scene and what the model sees of it
        self.processor, self.length, self.max_length = processor, max_samples, config.max_length

    @property
    def shuffle(self) -> bool:
        """Whether a run may draw the rows in any order: not where several in succession share a scene."""
        return self.rows.questions == 1

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        image_HW3, question, answer, _ = self.rows[index]
        scene = index // self.rows.questions
        if self.seen is None or self.seen[0] != scene:
            self.seen = scene, image_inputs(self.processor, image_HW3)
        return encode(self.processor, self.seen[1], question, answer, self.max_length)


def image_inputs(processor, image_HW3) -> dict:
    """What the model sees of an image: `pixel_values` and `image_grid_thw`."""
    pixels = torch.from_numpy(image_HW3).permute(2, 0, 1)
    return dict(processor.image_processor(images=[pixels], return_tensors="pt"))


def encode(processor, images: dict, question: str, answer: str, max_length: int) -> dict:
    """One sample as verl's engine reads it; the loss covers the answer and its end token.

    Returns input_ids (L,), position_ids (4, L): text and 3-D vision positions, loss_mask (L,), multi_modal_inputs.
    Equal to what `MultiTurnSFTDataset` makes of the same row, at a third of its cost (a test holds it to that).
    """
    user = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    assistant = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
    prompt = processor.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
    whole = processor.apply_chat_template([user, assistant], tokenize=False)
    image_tokens = processor.image_token * int(
        images["image_grid_thw"].prod() // processor.image_processor.merge_size**2
    )
    ids = [
        processor.tokenizer(text.replace(processor.image_token, image_tokens, 1)).input_ids for text in (prompt, whole)
    ]
    if len(ids[1]) > max_length:
        raise ValueError(f"a sample has {len(ids[1])} tokens, data.max_length is {max_length}: {question!r}")
    input_ids = torch.tensor(ids[1])
    loss_mask = torch.ones_like(input_ids)
    loss_mask[: len(ids[0])] = 0
    vision = get_rope_index(processor, input_ids=input_ids, image_grid_thw=images["image_grid_thw"])
    position_ids = torch.cat([torch.arange(len(input_ids)).unsqueeze(0), vision])
    return {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "loss_mask": loss_mask,
        "multi_modal_inputs": images,
    }
