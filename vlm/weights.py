"""What a folder's safetensors hold, read from their headers: names, shapes, and a fingerprint of the content.

Why: a wrong or half-copied checkpoint should be found in milliseconds, before torch, vLLM or Ray are even imported.
A safetensors file is the header's length (8 bytes, little-endian), the header (JSON: name -> shape, offsets), data.
"""

import hashlib
import json
import struct
from pathlib import Path

from polygon import UserError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
SAMPLES, SAMPLE_BYTES = 64, 65536  # of each file: any optimiser step changes all of them, and 16 GB take no minute


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a model folder, all shards.  Raises UserError if there are none or one is missing."""
    if (folder / INDEX).is_file():
        try:
            shards = sorted(set(json.loads((folder / INDEX).read_text())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UserError(f"{folder / INDEX} is damaged; copy or download the model again") from None
    else:
        shards = [WEIGHTS]
    for shard in shards:
        if not (folder / shard).is_file():
            raise UserError(
                f"{folder} has no {shard}: a model's weights are safetensors; copy or download them, "
                f"or save the checkpoint again with its Hugging Face weights (save_contents: hf_model)"
            )
    return [folder / shard for shard in shards]


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor.  Raises UserError if a file is missing, damaged or cut short."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in weight_files(folder):
        shapes.update(_file_shapes(file))
    return shapes


def _file_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    try:
        with file.open("rb") as content:
            (length,) = struct.unpack("<Q", content.read(8))
            header = json.loads(content.read(min(length, MAX_HEADER_BYTES)))
        header.pop("__metadata__", None)
        shapes = {name: tuple(tensor["shape"]) for name, tensor in header.items()}
        expected = 8 + length + max(tensor["data_offsets"][1] for tensor in header.values())
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{file} is damaged or no safetensors file; copy or download it again") from None
    if file.stat().st_size != expected:
        raise UserError(f"{file} has {file.stat().st_size} bytes of {expected}; copy or download it again")
    return shapes


def fingerprint(folder: Path) -> str:
    """A digest of a model's content, wherever it lies: its settings, and evenly spaced samples of its weights."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.json"), *folder.glob("*.jinja")]):
        digest.update(file.read_bytes())
    for file in weight_files(folder):
        size = file.stat().st_size
        digest.update(str(size).encode())
        with file.open("rb") as content:
            for sample in range(SAMPLES):
                content.seek(size * sample // SAMPLES)
                digest.update(content.read(SAMPLE_BYTES))
    return digest.hexdigest()[:16]
