"""Is this a model we can run? A Hugging Face folder (or hub id), checked before anything is started.

    folder = find_model(config.vlm.path)

Why: transformers and vLLM find out minutes into a start-up, in other processes, and say so in tracebacks.
How: JSON files and safetensors headers only, no torch. Every complaint names a file and says what to do.
"""

import json
import re
from pathlib import Path

from polygon import UserError
from vlm.architecture import misfit
from vlm.weights import tensor_shapes

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model", "tiktoken.model")
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
FILES = ["*.json", "*.jinja", "*.txt", "*.model", "*.py", "*.safetensors"]
INSIDE = ("huggingface", "actor/huggingface")  # where verl keeps the Hugging Face folder of a checkpoint
OTHER_MODEL = "they are of two models; take all files from one checkpoint"


def find_model(path: str | Path) -> Path:
    """The checked folder of `path`, a local folder or the id of a model on the Hugging Face Hub.

    A hub id comes from the local cache or is downloaded.  Raises UserError as `check_model_folder` does, and for an id
    that is neither cached nor to be had.
    """
    folder, parts = Path(path), Path(path).parts
    # `outputs/model` looks like a hub id too: where the first part is a folder here, a path was meant.
    if not folder.exists() and HUB_ID.fullmatch(str(path)) and not Path(parts[0]).is_dir():
        folder = _from_hub(str(path))
    check_model_folder(folder)
    return folder


def check_model_folder(path: str | Path) -> None:
    """Raises UserError unless `path` holds a vision-language model whose files belong together."""
    folder = Path(path)
    if not folder.is_dir():
        raise UserError(
            f"no model folder {folder}; set vlm.path to a Hugging Face folder: `python -m vlm.tiny_qwen3_vl FOLDER` "
            f"builds a tiny one, `hf download ORG/NAME --local-dir FOLDER` gets one"
        )
    if not (folder / "config.json").is_file():
        inside = next((folder / name for name in INSIDE if (folder / name / "config.json").is_file()), None)
        way_out = "set vlm.path to one that has" if inside is None else f"did you mean {inside}?"
        raise UserError(f"{folder} is no model folder: it has no config.json; {way_out}")
    config = _json(folder / "config.json")
    vision = config.get("vision_config")
    if not isinstance(vision, dict):
        kind = config.get("model_type", "unknown")
        raise UserError(f"{folder} holds a {kind} model, which reads no images; take a vision-language model")
    text = config.get("text_config") or config
    _check_processor(folder, vision)
    _check_tokenizer(folder, config, text)
    if problem := misfit(tensor_shapes(folder), text, vision):
        raise UserError(f"{folder}: {problem}; {OTHER_MODEL}")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # reads HF_HUB_OFFLINE when imported
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=FILES))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{name} is neither a folder here nor in the Hugging Face cache, and the Hub did not give it ({reason}); "
            f"where there is a network run `hf download {name} --local-dir FOLDER`, then set vlm.path=FOLDER"
        ) from None


def _json(file: Path) -> dict:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{file} is damaged: no JSON object; copy or download it again")
    return content


def _one_of(folder: Path, names: tuple[str, ...], what: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder} has no {' or '.join(names)}, its {what}; save it there with `save_pretrained`")


def _check_processor(folder: Path, vision: dict) -> None:
    file = _one_of(folder, PROCESSORS, "image processor")
    processor = _json(file)
    processor = processor.get("image_processor", processor)
    for ours, theirs in (("patch_size", "patch_size"), ("merge_size", "spatial_merge_size")):
        if ours in processor and theirs in vision and processor[ours] != vision[theirs]:
            raise UserError(
                f"{file} says {ours} {processor[ours]}, config.json {theirs} {vision[theirs]}: {OTHER_MODEL}"
            )


def _check_tokenizer(folder: Path, config: dict, text: dict) -> None:
    settings = _json(_one_of(folder, ("tokenizer_config.json",), "tokenizer's settings"))
    file = _one_of(folder, TOKENIZERS, "tokenizer")
    if "chat_template" not in settings:
        _one_of(folder, ("chat_template.jinja", "chat_template.json"), "chat template")
    if file.name != "tokenizer.json":
        return
    tokenizer = _json(file)
    try:
        added = {token["id"]: token["content"] for token in tokenizer.get("added_tokens", [])}
        largest = max([*added, *tokenizer["model"]["vocab"].values()])
    except (KeyError, TypeError, AttributeError):
        raise UserError(f"{file} is damaged or of a kind unknown here; copy or download it again") from None
    if largest >= text.get("vocab_size", largest + 1):
        raise UserError(f"{file} has token {largest}, config.json vocab_size {text['vocab_size']}: {OTHER_MODEL}")
    image_id = config.get("image_token_id")
    if image_id is not None and image_id not in added:
        raise UserError(f"{file} has no special token {image_id}, config.json's image_token_id: {OTHER_MODEL}")
