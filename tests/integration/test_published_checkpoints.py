"""The published SimpleSeg checkpoints' commands, on tiny random models of the same two architectures.

Qwen2.5-VL is in transformers and vLLM. Kimi-VL (MoonViT, DeepSeek-V3 with experts) is in vLLM alone, and its processor
comes with the checkpoint: the stand-in brings one of its own, which must not run unless it is trusted.
"""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from data.templates import vocabulary
from evaluation.prediction import read_predictions
from vlm.tiny_tokenizer import build_tokenizer

HIDDEN, SEEN, LAYERS, EXPERTS, RANK, HEADS = 64, 32, 2, 4, 32, 4
PROCESSOR = Path(__file__).with_name("processing_kimi_vl.py")
QUESTION = "Output the polygon coordinates of the red star in the image."


@pytest.fixture(scope="module")
def qwen(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("qwen2_5_vl")
    tokenizer = build_tokenizer(vocabulary())
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    size = {"shortest_edge": 56 * 56, "longest_edge": 64 * 28 * 28}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size, patch_size=14, merge_size=2),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size, patch_size=14, merge_size=2),
        chat_template=tokenizer.chat_template,
    )
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,  # of 32, the least that vLLM has on a CPU
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]},
        **ids,
    }
    vision = {
        "depth": LAYERS,
        "hidden_size": SEEN,
        "intermediate_size": 2 * SEEN,
        "num_heads": 2,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "fullatt_block_indexes": [1],
        "out_hidden_size": HIDDEN,
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=processor.image_token_id,
        video_token_id=processor.video_token_id,
        vision_start_token_id=tokenizer.vision_start_token_id,
        vision_end_token_id=tokenizer.vision_end_token_id,
        **ids,
    )
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).float().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def kimi_config(tokenizer) -> dict:
    text = {
        "model_type": "deepseek_v3",
        "architectures": ["DeepseekV3ForCausalLM"],
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "moe_intermediate_size": SEEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "n_routed_experts": EXPERTS,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        "n_group": 1,
        "topk_group": 1,
        "topk_method": "noaux_tc",
        "scoring_func": "sigmoid",
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.446,
        "q_lora_rank": None,
        "kv_lora_rank": RANK,
        "qk_nope_head_dim": 16,
        "qk_rope_head_dim": 16,
        "v_head_dim": 16,
        "max_position_embeddings": 1024,
        "rope_theta": 10000.0,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "model_type": "moonvit",
        "patch_size": 14,
        "num_attention_heads": 2,
        "num_hidden_layers": LAYERS,
        "hidden_size": SEEN,
        "intermediate_size": 2 * SEEN,
        "merge_kernel_size": [2, 2],
        "init_pos_emb_height": 8,
        "init_pos_emb_width": 8,
    }
    return {
        "model_type": "kimi_vl",
        "architectures": ["KimiVLForConditionalGeneration"],
        "text_config": text,
        "vision_config": vision,
        "media_placeholder_token_id": tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        "pad_token_id": tokenizer.pad_token_id,
        "dtype": "float32",
    }


def kimi_shapes(vocabulary_size: int) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a Kimi-VL checkpoint of this size; biases follow their weights."""

    def mlp(name: str, width: int) -> dict[str, tuple[int, ...]]:
        wide, narrow = (width, HIDDEN), (HIDDEN, width)
        return {f"{name}.gate_proj": wide, f"{name}.up_proj": wide, f"{name}.down_proj": narrow}

    speaking = {"model.embed_tokens": (vocabulary_size, HIDDEN), "lm_head": (vocabulary_size, HIDDEN)}
    speaking["model.norm"] = (HIDDEN,)
    seeing = {"patch_embed.proj": (SEEN, 3, 14, 14), "encoder.final_layernorm": (SEEN,)}
    for layer in range(LAYERS):
        own = f"model.layers.{layer}."
        speaking |= {
            f"{own}input_layernorm": (HIDDEN,),
            f"{own}post_attention_layernorm": (HIDDEN,),
            f"{own}self_attn.q_proj": (HEADS * 32, HIDDEN),
            f"{own}self_attn.kv_a_proj_with_mqa": (RANK + 16, HIDDEN),
            f"{own}self_attn.kv_a_layernorm": (RANK,),
            f"{own}self_attn.kv_b_proj": (HEADS * 32, RANK),
            f"{own}self_attn.o_proj": (HIDDEN, HEADS * 16),
        }
        if layer == 0:
            speaking |= mlp(f"{own}mlp", 2 * HIDDEN)
            continue
        speaking |= {f"{own}mlp.gate": (EXPERTS, HIDDEN)} | mlp(f"{own}mlp.shared_experts", SEEN)
        for expert in range(EXPERTS):
            speaking |= mlp(f"{own}mlp.experts.{expert}", SEEN)
    for layer in range(LAYERS):
        own = f"encoder.blocks.{layer}."
        seeing |= {f"{own}norm0": (SEEN,), f"{own}norm1": (SEEN,), f"{own}wqkv": (3 * SEEN, SEEN)}
        seeing |= {f"{own}wo": (SEEN, SEEN), f"{own}mlp.fc0": (2 * SEEN, SEEN), f"{own}mlp.fc1": (SEEN, 2 * SEEN)}
    merged = 4 * SEEN
    between = {"pre_norm": (SEEN,), "linear_1": (merged, merged), "linear_2": (HIDDEN, merged)}
    shapes = {f"language_model.{name}.weight": shape for name, shape in speaking.items()}
    for prefix, towers in (("vision_tower.", seeing), ("multi_modal_projector.", between)):
        for name, shape in towers.items():
            shapes |= {f"{prefix}{name}.weight": shape, f"{prefix}{name}.bias": shape[:1]}
    shapes["vision_tower.patch_embed.pos_emb.weight"] = (8, 8, SEEN)
    shapes["language_model.model.layers.1.mlp.gate.e_score_correction_bias"] = (EXPERTS,)
    return shapes


@pytest.fixture(scope="module")
def kimi(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kimi_vl")
    tokenizer = build_tokenizer(vocabulary())
    tokenizer.eos_token = tokenizer.pad_token  # as Kimi-VL's, it is not what ends a turn
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps(kimi_config(tokenizer)))
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(shape, generator=generator) * 0.2 + ("norm" in name and name.endswith("weight"))
        for name, shape in kimi_shapes(len(tokenizer)).items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    classes = {"AutoProcessor": "processing_kimi_vl.TinyProcessor", "AutoImageProcessor": "processing_kimi_vl.Patches"}
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"auto_map": classes, "processor_class": "TinyProcessor"})
    )
    shutil.copy(PROCESSOR, folder)
    return folder


@pytest.fixture
def scored(command, data_root, tmp_path):
    """Generate by a configuration of `conf/vlm` and score as its comment says; the predictions and the JSON."""

    def run(vlm: str, folder: Path, *overrides: str) -> tuple[list, dict]:
        answers, metrics = tmp_path / "val.jsonl", tmp_path / "metrics.json"
        small = ("limit=4", "temperature=1", "vlm.max_response_length=24", "vlm.max_prompt_length=256")
        data = (f"data_root={data_root}", "split=val")
        command("rollout.generate", f"vlm={vlm}", f"vlm.path={folder}", f"output={answers}", *data, *small, *overrides)
        assert json.loads((tmp_path / "val.jsonl.meta.json").read_text())["questions"]
        command("evaluation.run", f"predictions={answers}", *data, "limit=4", "codec=reference", f"output={metrics}")
        return list(read_predictions(answers)), json.loads(metrics.read_text())

    return run


def check(predictions: list, metrics: dict) -> None:
    assert len({prediction.text for prediction in predictions}) == len(predictions) == metrics["samples"] == 4
    assert all(0 < prediction.tokens <= 24 for prediction in predictions)
    assert metrics["settings"]["codec"]["decode"] == "reference"
    assert metrics["settings"]["conventions"]["answers"] == "all"


@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_qwen2_5_vl(backend, scored, qwen):
    check(*scored("simpleseg_qwen2_5_vl", qwen, f"backend={backend}"))


def test_kimi_vl_needs_trust(command, kimi, data_root, tmp_path):
    settings = (f"vlm.path={kimi}", f"data_root={data_root}", f"output={tmp_path}/val.jsonl", "limit=4")
    said = command("rollout.generate", "vlm=simpleseg_kimi_vl", *settings, fails=True)
    last = said.strip().splitlines()[-1]
    assert last.startswith(f"error: the model in {kimi} brings Python code of its own"), said
    assert last.endswith("read its *.py files, then set vlm.trust_remote_code=true")
    assert not (tmp_path / "val.jsonl").exists()


def test_kimi_vl(scored, kimi):
    # vLLM 0.28's latent attention cannot be imported on a CPU; the plain kind computes the same.
    check(*scored("simpleseg_kimi_vl", kimi, "vlm.trust_remote_code=true", "+hardware.env.VLLM_MLA_DISABLE='1'"))


def test_a_photo(command, qwen, tmp_path):
    """`rollout.predict` asks in the checkpoint's own words and fills as it was trained."""
    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), np.full((90, 120, 3), 90, np.uint8))
    out = f"output={tmp_path}/out"
    command(
        "rollout.predict", f"image={photo}", "expression=the red star", "vlm=simpleseg_qwen2_5_vl", f"vlm.path={qwen}",
        "codec=reference", "vlm.max_response_length=24", out,
    )  # fmt: skip
    record = json.loads((tmp_path / "out" / "photo.png.json").read_text())
    assert record["prompt"] == f"<image>{QUESTION}"
    assert record["text"]
