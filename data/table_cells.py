"""What a cell of somebody's table means: an expression, a segmentation, a box, in the forms conversions write them.

Why: every conversion of RefCOCO to a Hugging Face table has its own columns; a path finds the cell, and its form says
what it is.  Raises ValueError, TypeError or LookupError for what it cannot be; `huggingface.py` makes that a bad row.
"""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polygon import rle_encode

BOX_FORMATS = ("xywh", "xyxy", "cxcywh")
_MASK_FILES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
_LABELS = 64  # a lightest value below it is a number of classes, not a grey
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


def segmentations(value: Any, folder: str = "") -> tuple[list | dict, ...]:
    """COCO segmentations from polygons (nested or one flat list, numbers or pairs), run lengths, or a mask as an image.

    Also all of these as JSON text; a mask also by its path, below `folder`.  () for no value.
    """
    if isinstance(value, dict) and "bytes" in value and "counts" not in value:
        value = value["bytes"] or value.get("path")
    if isinstance(value, str) and value.lower().endswith(_MASK_FILES):
        value = (Path(folder) / value).read_bytes()
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else None
    if isinstance(value, bytes):
        with Image.open(BytesIO(value)) as picture:
            return (rle_encode(mask_of(picture)),)
    if isinstance(value, dict):
        counts = value["counts"]
        return ({"size": list(value["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts},)
    if not value:
        return ()
    if isinstance(value[0], dict):
        return tuple(part for item in value for part in segmentations(item, folder))
    if not isinstance(value[0], list):
        value = [value]
    if isinstance(value[0][0], bool):
        return (rle_encode(np.asarray(value, np.bool_)),)
    is_one_ring = all(isinstance(item, list) and len(item) == 2 for item in value)
    return ([_flat(ring) for ring in ([value] if is_one_ring else value)],)


def mask_of(picture: Image.Image) -> NDArray[np.bool_]:
    """(H, W) of a mask saved as an image: where its alpha channel, if that varies, or else its grey is above half.

    Half of the highest value, since JPEG and smoothed edges leave greys.
    Raises ValueError for a map of several labels, which is no mask.
    """
    if picture.mode in ("RGBA", "LA", "PA"):
        alpha_HW = np.asarray(picture.convert("RGBA"))[..., 3]
        if alpha_HW.min() < alpha_HW.max():
            return alpha_HW > alpha_HW.max() / 2
    grey_HW = np.asarray(
        picture if picture.mode in ("L", "P", "I", "F") or "I;" in picture.mode else picture.convert("L")
    )
    lightest = grey_HW.max()
    if picture.mode == "P" or lightest < _LABELS:
        labels = np.unique(grey_HW)
        if len(labels) > 2:
            raise ValueError(f"a mask has two values, this image has {len(labels)}: {labels[:5].tolist()} ...")
    return grey_HW > lightest / 2


def _flat(ring: list) -> list:
    return [number for pair in ring for number in pair] if ring and isinstance(ring[0], list) else ring


def box_px(value: Any, box_format: str, scale_xy: tuple[float, float] = (1.0, 1.0)) -> Box | None:
    """(x0, y0, x1, y1) in px, None for no value.

    scale_xy: px for each of the table's units.
    """
    if value is None or len(value) == 0:
        return None
    a, b, c, d = (float(number) for number in (json.loads(value) if isinstance(value, str) else value))
    match box_format:
        case "xywh":
            c, d = a + c, b + d
        case "cxcywh":
            a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    sx, sy = scale_xy
    return a * sx, b * sy, c * sx, d * sy


def items(value: Any) -> list[dict]:
    """Objects of a row: a list of them, or the hub's usual dict of lists.

    Raises ValueError for lists that differ in length.
    """
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, dict):
        return list(value or ())
    lengths = {len(each) for each in value.values()}
    if len(lengths) > 1:
        raise ValueError(f"lists of one length expected, these have {sorted(lengths)}: {', '.join(value)}")
    return [dict(zip(value, each, strict=True)) for each in zip(*value.values(), strict=True)]
