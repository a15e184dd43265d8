"""The tokens that end a model's answer, of its configuration and of its chat template together.

Why: they need not be the same. Kimi-VL's turns end in `<|im_end|>` while its configuration names `[EOS]`, so that its
answers would run on into the next turn. GLM-4.5V's turns end where `<|user|>` begins.
How: a turn of the assistant between two of the user is rendered, and the special token behind its text is looked at.
Needs nothing but the tokenizer that is given.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TEXT = "0.125"
_CONFIGS = ("generation_config.json", "config.json")
_TEMPLATES = ("chat_template.jinja", "chat_template.json")


def end_token_ids(tokenizer: Any, folder: Path | None = None) -> list[int]:
    """Ids behind which nothing belongs to an answer, sorted.

    folder: of the model, for its configuration; None: where the tokenizer came from, if that is a folder.
    """
    folder = Path(getattr(tokenizer, "name_or_path", None) or "?") if folder is None else folder
    found = {tokenizer.eos_token_id, *_configured(folder), turn_end_id(tokenizer, folder)}
    return sorted(token for token in found if token is not None)


def turn_end_id(tokenizer: Any, folder: Path | None = None) -> int | None:
    """The special token that the chat template writes behind an answer; None where it writes none.

    folder: has the template of a tokenizer that has none itself, as older checkpoints do.
    """
    for rendered in _renderings(tokenizer, folder):
        behind = rendered.rpartition(_TEXT)[2].lstrip()
        for token in tokenizer(behind, add_special_tokens=False)["input_ids"]:
            if token in tokenizer.all_special_ids or _is_special(tokenizer, token):
                return token
            if tokenizer.decode([token]).strip():
                break
    return None


def _renderings(tokenizer: Any, folder: Path | None) -> Iterator[str]:
    """A conversation by the chat template, with its contents as parts and as text: templates take one or both."""
    render = getattr(tokenizer, "apply_chat_template", None)
    if render is None:
        return
    options = {} if getattr(tokenizer, "chat_template", None) else {"chat_template": _template(folder)}
    for content in (lambda words: [{"type": "text", "text": words}], lambda words: words):
        turns = (("user", "?"), ("assistant", _TEXT), ("user", "?"))
        messages = [{"role": role, "content": content(words)} for role, words in turns]
        try:
            yield render(messages, tokenize=False, **options)
        except Exception:  # a template raises whatever its author wrote
            continue


def _template(folder: Path | None) -> str | None:
    for name in _TEMPLATES:
        if folder is not None and (file := folder / name).is_file():
            text = file.read_text()
            return text if name.endswith(".jinja") else _object(file).get("chat_template")
    return None


def _configured(folder: Path) -> set[int]:
    """What the configuration calls end tokens. Qwen-VL's generation settings have two."""
    found: set[int] = set()
    for name in _CONFIGS:
        content = _object(folder / name)
        for part in (content, content.get("text_config")):
            ends = part.get("eos_token_id") if isinstance(part, dict) else None
            found |= {token for token in (ends if isinstance(ends, list) else [ends]) if type(token) is int}
    return found


def _object(file: Path) -> dict:
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_special(tokenizer: Any, token: int) -> bool:
    added = getattr(tokenizer, "added_tokens_decoder", {}).get(token)
    return added is not None and added.special
