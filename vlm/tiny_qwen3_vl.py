"""Build the tiny Qwen3-VL of the demo with random weights: architecture, tokenizer and processor of its own.

    python -m vlm.tiny_qwen3_vl outputs/vlm/tiny_qwen3_vl

1.8 M parameters for images of 128 x 128 px: 8 x 8 patches of 16 px, merged to 16 image tokens. Qwen3-VL rather than
Qwen2.5-VL, since the learned absolute position embeddings of its vision tower let a model of this size localise;
with rotary (relative) positions alone a Qwen2.5-VL of this size learned the format but not the place.
The vocabulary of model and tokenizer are equal, so that vLLM samples from all of the model's logits and the
log-probabilities of rollout and actor are those of one distribution.
"""

import sys
from pathlib import Path

import torch
from transformers import (
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from data.templates import vocabulary
from polygon.errors import UserError
from vlm.tiny_tokenizer import build_tokenizer

IMAGE_SIDE_PX = 128
PATCH_PX = 16
MERGE = 2
PIXELS = {"shortest_edge": IMAGE_SIDE_PX**2, "longest_edge": IMAGE_SIDE_PX**2}


def build_processor() -> Qwen3VLProcessor:
    """Processor that resizes every image to 128 x 128 px' worth of pixels and writes the tiny chat template."""
    tokenizer = build_tokenizer(vocabulary())
    patches = {"patch_size": PATCH_PX, "merge_size": MERGE, "temporal_patch_size": 2}
    normalise = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=PIXELS, **patches, **normalise),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(size=PIXELS, **patches, **normalise),
        chat_template=tokenizer.chat_template,
    )


def build_config(processor: Qwen3VLProcessor) -> Qwen3VLConfig:
    """Architecture of the tiny model; token ids come from the processor."""
    tokenizer = processor.tokenizer
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    text = {
        # vLLM on a CPU reads the architecture of the text model too.
        "architectures": ["Qwen3ForCausalLM"],
        "vocab_size": len(tokenizer),
        "hidden_size": 160,
        "intermediate_size": 416,
        "num_hidden_layers": 4,
        "num_attention_heads": 5,
        "num_key_value_heads": 5,
        "head_dim": 32,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [6, 5, 5],
            "mrope_interleaved": True,
        },
        **ids,
    }
    vision = {
        "depth": 3,
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_heads": 4,
        "patch_size": PATCH_PX,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": 2,
        "num_position_embeddings": (IMAGE_SIDE_PX // PATCH_PX) ** 2,
        "deepstack_visual_indexes": [0, 1],
        "out_hidden_size": 160,
    }
    return Qwen3VLConfig(
        architectures=["Qwen3VLForConditionalGeneration"],
        text_config=text,
        vision_config=vision,
        image_token_id=processor.image_token_id,
        video_token_id=processor.video_token_id,
        vision_start_token_id=processor.vision_start_token_id,
        vision_end_token_id=processor.vision_end_token_id,
        tie_word_embeddings=True,
        **ids,
    )


def build(path: Path, seed: int = 0) -> Qwen3VLForConditionalGeneration:
    """Write config, random weights (float32), tokenizer and processor to `path`; returns the model."""
    torch.manual_seed(seed)
    processor = build_processor()
    model = Qwen3VLForConditionalGeneration(build_config(processor)).float()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(path)
    processor.save_pretrained(path)
    return model


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("error: one argument expected, the folder to write: python -m vlm.tiny_qwen3_vl FOLDER")
    try:
        built = build(Path(sys.argv[1]))
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"{sum(p.numel() for p in built.parameters()):,} parameters in {sys.argv[1]}")
