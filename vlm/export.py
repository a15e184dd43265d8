"""Export a checkpoint of either stage to a plain Hugging Face folder that says what is in it.

    python -m vlm.export outputs/sft/.../checkpoints/global_step_3200 FOLDER

Every checkpoint already holds such a folder (`huggingface/`, under `actor/` for GSPO). verl 0.9.1 writes "bfloat16"
into its config whatever the weights are, and transformers would round float32 weights to that on loading: the export
states the weights' own type, and checks that the files belong together.
"""

import json
import shutil
import struct
import sys
from pathlib import Path

from polygon import UserError
from vlm.checkpoint import INSIDE, check_model_folder
from vlm.weights import weight_files

TYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


def export(checkpoint: Path, folder: Path) -> None:
    """Copy the model in `checkpoint` (or a model folder itself) to `folder`, which must not exist.

    Raises UserError for a checkpoint without a model, a damaged one, a folder that is there already or cannot be
    written; then nothing of it is left.
    """
    source = next((checkpoint / name for name in INSIDE if (checkpoint / name).is_dir()), checkpoint)
    check_model_folder(source)
    if folder.exists():
        raise UserError(f"{folder} exists already; name a new folder or remove it")
    config = json.loads((source / "config.json").read_text())
    dtype = weights_type(source)
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        if "dtype" in part:
            part["dtype"] = dtype
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        shutil.copytree(source, unfinished, copy_function=shutil.copyfile)
        (unfinished / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        unfinished.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder} ({error}); make room, or name a folder that can be written") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def weights_type(folder: Path) -> str:
    """The one type of all tensors of a model folder, by its config name."""
    types = set()
    for file in weight_files(folder):
        with file.open("rb") as content:
            (length,) = struct.unpack("<Q", content.read(8))
            header = json.loads(content.read(length))
        types |= {entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    if len(types) != 1 or not types <= TYPES.keys():
        raise UserError(f"{folder} mixes the types {sorted(types)}; an export has one of {', '.join(TYPES)}")
    return TYPES[types.pop()]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit("error: two arguments expected: python -m vlm.export CHECKPOINT FOLDER")
    try:
        export(Path(sys.argv[1]), Path(sys.argv[2]))
    except (UserError, OSError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"exported to {sys.argv[2]}")
