"""A prepared prompt as a chat message: the `<image>` tag becomes the image, the rest text."""

import base64
from collections.abc import Mapping
from typing import Any

from data.sample import IMAGE_TAG

_PNG = b"\x89PNG"


def chat_text(processor: Any, prompt: str) -> str:
    """The text a model reads, by its own chat template, with one image placeholder for each tag."""
    messages = [{"role": "user", "content": _content(prompt, {"type": "image"})}]
    return processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def chat_messages(prompt: str, image: bytes) -> list[dict]:
    """The message an OpenAI-compatible server reads, the PNG or JPEG bytes inside it."""
    part = {"type": "image_url", "image_url": {"url": data_uri(image)}}
    return [{"role": "user", "content": _content(prompt, part)}]


def data_uri(image: bytes) -> str:
    """PNG or JPEG bytes as an address that holds them."""
    kind = "png" if image.startswith(_PNG) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _content(prompt: str, image: Mapping) -> list[dict]:
    parts: list[dict] = []
    for index, text in enumerate(prompt.split(IMAGE_TAG)):
        parts += [dict(image)] if index else []
        parts += [{"type": "text", "text": text}] if text else []
    return parts
