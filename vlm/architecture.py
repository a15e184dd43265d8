"""Do weights and config.json describe the same network? Compared by the names and shapes of the tensors.

Layers are counted in both towers; a shape is compared where a tensor's name tells what it should be (Qwen-VL, Kimi-VL
and models named like them). Names that say nothing are left to the loader.
"""

import re
from collections.abc import Mapping

Shape = tuple[int, ...]
VISION = re.compile(r"(^|\.)(visual|vision_tower|vision_model)\.")
LAYER = re.compile(r"\.(?:layers|blocks)\.(\d+)\.")


def misfit(shapes: Mapping[str, Shape], text: Mapping, vision: Mapping) -> str | None:
    """What is wrong first, in words, or None.

    Args:
        shapes: name -> shape of every tensor.
        text, vision: the text model's and the vision tower's part of config.json.
    """
    seeing = {name: shape for name, shape in shapes.items() if VISION.search(name)}
    speaking = {name: shape for name, shape in shapes.items() if name not in seeing}
    return (
        _miscounted(speaking, "text model", text, "num_hidden_layers")
        or _miscounted(seeing, "vision tower", vision, "depth" if "depth" in vision else "num_hidden_layers")
        or _misshapen(speaking, _text_shapes(text))
        or _misshapen(seeing, _vision_shapes(vision))
    )


def _miscounted(shapes: Mapping[str, Shape], tower: str, config: Mapping, key: str) -> str | None:
    found = {int(match[1]) for name in shapes if (match := LAYER.search(name))}
    if key in config and found != set(range(config[key])):
        return f"the weights hold {len(found)} layers of the {tower}, config.json says {config[key]} ({key})"
    return None


def _misshapen(shapes: Mapping[str, Shape], rules: Mapping[str, tuple[int | None, ...]]) -> str | None:
    for pattern, expected in rules.items():
        for name, shape in shapes.items():
            if None not in expected and re.search(pattern, name) and shape != expected:
                return f"{name} is {_by(shape)} in the weights, {_by(expected)} by config.json"
    return None


def _text_shapes(config: Mapping) -> dict[str, tuple[int | None, ...]]:
    hidden, heads = config.get("hidden_size"), config.get("num_attention_heads")
    head_dim = config.get("head_dim") or (hidden // heads if hidden and heads else None)
    key_heads = config.get("num_key_value_heads")
    return {
        r"\bembed_tokens\.weight$": (config.get("vocab_size"), hidden),
        r"\blm_head\.weight$": (config.get("vocab_size"), hidden),
        r"\.layers\.\d+\.input_layernorm\.weight$": (hidden,),
        r"\.layers\.\d+\.mlp\.(gate|up)_proj\.weight$": (config.get("intermediate_size"), hidden),
        r"\.layers\.\d+\.self_attn\.k_proj\.weight$": (
            key_heads * head_dim if key_heads and head_dim else None,
            hidden,
        ),
    }


def _vision_shapes(config: Mapping) -> dict[str, tuple[int | None, ...]]:
    hidden = config.get("embed_dim", config.get("hidden_size"))  # Qwen2-VL calls the output hidden_size
    return {
        r"\bvisual\.blocks\.\d+\.attn\.qkv\.weight$": (3 * hidden if hidden else None, hidden),
        r"\bvisual\.pos_embed\.weight$": (config.get("num_position_embeddings"), hidden),
    }


def _by(shape: tuple[int | None, ...]) -> str:
    return " x ".join(map(str, shape))
