"""What makes a folder a model that can be run, on a folder written by hand."""

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from polygon import UserError
from vlm.checkpoint import check_model_folder, find_model
from vlm.weights import INDEX, WEIGHTS, fingerprint, tensor_shapes

CONFIG = {
    "model_type": "qwen3_vl",
    "image_token_id": 5,
    "text_config": {
        "vocab_size": 8,
        "hidden_size": 4,
        "intermediate_size": 6,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 3,
    },
    "vision_config": {"hidden_size": 2, "depth": 1, "patch_size": 16, "spatial_merge_size": 2},
}
TOKENIZER = {
    "model": {"vocab": {"a": 0, "b": 1}},
    "added_tokens": [{"id": 5, "content": "<|image_pad|>"}, {"id": 7, "content": "<|im_end|>"}],
}
PROCESSOR = {"image_processor": {"patch_size": 16, "merge_size": 2}}
LAYER = {
    "input_layernorm.weight": (4,),
    "mlp.gate_proj.weight": (6, 4),
    "self_attn.k_proj.weight": (3, 4),
}
SHAPES = {
    "model.language_model.embed_tokens.weight": (8, 4),
    **{f"model.language_model.layers.{i}.{name}": shape for i in range(2) for name, shape in LAYER.items()},
    "model.visual.blocks.0.attn.qkv.weight": (6, 2),
    "model.visual.merger.linear.weight": (9, 9),
}


def write_weights(file: Path, shapes: dict[str, tuple[int, ...]], fill: bytes = b"\0") -> None:
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    encoded = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(encoded)) + encoded + fill * end)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (path / "tokenizer_config.json").write_text("{}")
    (path / "processor_config.json").write_text(json.dumps(PROCESSOR))
    (path / "chat_template.jinja").write_text("{{ messages }}")
    write_weights(path / WEIGHTS, SHAPES)
    return path


def edit(file: Path, *path: str, value: object) -> None:
    content = json.loads(file.read_text())
    node = content
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    file.write_text(json.dumps(content))


def test_a_whole_folder_is_a_model(folder):
    assert find_model(str(folder)) == folder
    assert tensor_shapes(folder) == SHAPES


def test_shards_are_one_model(folder):
    names = list(SHAPES)
    files = {name: f"model-{index % 2}.safetensors" for index, name in enumerate(names)}
    for file in set(files.values()):
        write_weights(folder / file, {name: SHAPES[name] for name in names if files[name] == file})
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps({"weight_map": files}))
    check_model_folder(folder)
    assert tensor_shapes(folder) == SHAPES
    (folder / "model-1.safetensors").unlink()
    with pytest.raises(UserError, match=r"has no model-1\.safetensors"):
        check_model_folder(folder)


def test_what_config_json_does_not_say_is_not_compared(folder):
    (folder / "config.json").write_text(json.dumps({"vision_config": {}, "hidden_size": 4}))
    (folder / "processor_config.json").rename(folder / "preprocessor_config.json")
    check_model_folder(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "is no model folder: it has no config.json; set vlm.path to one that has"),
        ("tokenizer.json", "has no tokenizer.json or .* its tokenizer; save it there with `save_pretrained`"),
        ("tokenizer_config.json", "has no tokenizer_config.json, its tokenizer's settings"),
        ("processor_config.json", "has no processor_config.json or preprocessor_config.json, its image processor"),
        ("chat_template.jinja", "has no chat_template.jinja or chat_template.json, its chat template"),
        (WEIGHTS, "has no model.safetensors: a model's weights are safetensors; copy or download them"),
    ],
)
def test_a_missing_file_is_named(name, message, folder):
    (folder / name).unlink()
    with pytest.raises(UserError, match=message):
        check_model_folder(folder)


@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        ("config.json", ["vision_config"], None, "holds a qwen3_vl model, which reads no images"),
        ("config.json", ["image_token_id"], 6, "tokenizer.json has no special token 6, config.json's image_token_id"),
        ("config.json", ["text_config", "vocab_size"], 7, "tokenizer.json has token 7, config.json vocab_size 7"),
        ("config.json", ["text_config", "vocab_size"], 9, "embed_tokens.weight is 8 x 4 in the weights, 9 x 4 by"),
        ("config.json", ["text_config", "hidden_size"], 5, "embed_tokens.weight is 8 x 4 in the weights, 8 x 5 by"),
        ("config.json", ["text_config", "num_hidden_layers"], 3, "2 layers of the text model, config.json says 3"),
        ("config.json", ["text_config", "num_hidden_layers"], 1, "2 layers of the text model, config.json says 1"),
        ("config.json", ["text_config", "intermediate_size"], 7, "gate_proj.weight is 6 x 4 in the weights, 7 x 4 by"),
        ("config.json", ["text_config", "head_dim"], 2, "k_proj.weight is 3 x 4 in the weights, 2 x 4 by"),
        ("config.json", ["vision_config", "depth"], 2, "1 layers of the vision tower, config.json says 2"),
        ("config.json", ["vision_config", "hidden_size"], 3, "qkv.weight is 6 x 2 in the weights, 9 x 3 by"),
        ("processor_config.json", ["image_processor", "patch_size"], 14, "patch_size 14, config.json patch_size 16"),
        ("tokenizer.json", ["model"], [], "tokenizer.json is damaged"),
    ],
)
def test_files_of_two_models_are_told_apart(file, path, value, message, folder):
    edit(folder / file, *path, value=value)
    with pytest.raises(UserError, match=message):
        check_model_folder(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], r"has \d+ bytes of \d+; copy or download it again"),
        (lambda content: content + b"\0", r"has \d+ bytes of \d+; copy or download it again"),
        (lambda content: content[:20], "is damaged or no safetensors file"),
        (lambda content: b"", "is damaged or no safetensors file"),
        (lambda content: b"version https://git-lfs.github.com/spec/v1", "is damaged or no safetensors file"),
        (lambda content: struct.pack("<Q", 2) + b"[]", "is damaged or no safetensors file"),
    ],
)
def test_damaged_weights_are_found_by_their_header(damage: Callable[[bytes], bytes], message, folder):
    (folder / WEIGHTS).write_bytes(damage((folder / WEIGHTS).read_bytes()))
    with pytest.raises(UserError, match=message):
        check_model_folder(folder)


def test_json_that_is_none_is_named(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json is damaged: no JSON object; copy or download it again"):
        check_model_folder(folder)


def test_a_checkpoint_of_verl_is_found_inside(folder, tmp_path):
    folder.rename(tmp_path / "huggingface")
    with pytest.raises(UserError, match=f"did you mean {tmp_path}/huggingface"):
        check_model_folder(tmp_path)


def test_the_fingerprint_is_of_the_content(folder, tmp_path):
    first = fingerprint(folder)
    copied = folder.rename(tmp_path / "elsewhere")
    assert fingerprint(copied) == first
    write_weights(copied / WEIGHTS, SHAPES, fill=b"\1")
    assert fingerprint(copied) != first
