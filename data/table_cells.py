"""What a cell of somebody's table means: an expression, a segmentation, a box, in the forms conversions write them.

Why: every conversion of RefCOCO to a Hugging Face table has its own columns; a path finds the cell, and its form says
what it is.  Raises ValueError, TypeError or LookupError for what it cannot be; `huggingface.py` makes that a bad row.
"""

import json
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from polygon import rle_encode

BOX_FORMATS = ("xywh", "xyxy")
Box = tuple[float, float, float, float]


def cell(row: Any, path: str) -> Any:
    """The value at `sentences.raw` or `raw_anns.bbox`: into structs, through lists, into JSON held as text."""
    for key in path.split("."):
        row = json.loads(row) if isinstance(row, str) else row
        row = [item[key] for item in row] if isinstance(row, list) else row[key]
    return row


def texts(value: Any) -> tuple[str, ...]:
    """One expression or several."""
    found = [value] if isinstance(value, str) else value or []
    if not all(isinstance(text, str) for text in found):
        raise TypeError(f"an expression is text, not {found!r}"[:200])
    return tuple(text.strip() for text in found if text.strip())


def segmentations(value: Any) -> tuple[list | dict, ...]:
    """COCO segmentations from polygons (nested or one flat list, numbers or pairs), run lengths, or a mask as an image.

    Also all of these as JSON text.  () for no value.
    """
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else None
    if isinstance(value, dict) and value.get("bytes"):
        value = value["bytes"]
    if isinstance(value, bytes):
        with Image.open(BytesIO(value)) as picture:
            return (rle_encode(np.asarray(picture.convert("L")) > 0),)
    if isinstance(value, dict):
        counts = value["counts"]
        return ({"size": list(value["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts},)
    if not value:
        return ()
    if isinstance(value[0], dict):
        return tuple(part for item in value for part in segmentations(item))
    if not isinstance(value[0], list):
        value = [value]
    if isinstance(value[0][0], bool):
        return (rle_encode(np.asarray(value, np.bool_)),)
    is_one_ring = all(isinstance(item, list) and len(item) == 2 for item in value)
    return ([_flat(ring) for ring in ([value] if is_one_ring else value)],)


def _flat(ring: list) -> list:
    return [number for pair in ring for number in pair] if ring and isinstance(ring[0], list) else ring


def box_px(value: Any, box_format: str) -> Box | None:
    """(x0, y0, x1, y1) in px, None for no value."""
    if value is None or len(value) == 0:
        return None
    x, y, x1, y1 = (float(number) for number in (json.loads(value) if isinstance(value, str) else value))
    return (x, y, x + x1, y + y1) if box_format == "xywh" else (x, y, x1, y1)
