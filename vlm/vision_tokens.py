"""Tokens that stand for pixels, which no answer may have."""

from typing import Any

VISION_TOKENS = (
    "image_token_id",
    "video_token_id",
    "vision_start_token_id",
    "vision_end_token_id",
    "media_placeholder_token_id",
)


def vision_token_ids(holder: Any) -> list[int]:
    """Ids of the vision tokens that `holder`, a processor or a model's config, names; sorted."""
    return sorted({getattr(holder, name, None) for name in VISION_TOKENS} - {None})
