"""The target of a record: its segmentations and box, checked and put together as run lengths and a normalised box.

Why: a million annotations of unknown origin pass here, so it is quick (polygons become run lengths without ever being
drawn as pixels) and believes nothing: pycocotools takes memory by the length of an outline, also of one that leaves
the image by a million pixels.
"""

import math
from collections.abc import Sequence

from data.problems import BadRow
from data.record import Record
from polygon import UserError, rle_encode, segmentation_mask
from polygon.rle import coco

_OUTSIDE = 0.05  # of the image's side: annotators overshoot the border by a few pixels, and are clipped there
_Box = tuple[float, float, float, float]


def target_of(record: Record, height: int, width: int) -> tuple[dict | None, _Box | None]:
    """(compressed run lengths, box) of a record whose image is height x width px.

    The mask is the union of the segmentations; None where there is a box only, empty where nothing is meant.
    The box is normalised, as annotated, else around the mask; None where nothing is meant.
    Raises BadRow: bad_annotation, outside_image, empty_mask.
    """
    if not record.has_target:
        return _compressed(coco.frPyObjects({"size": [height, width], "counts": [height * width]}, height, width)), None
    rle = _union(record, height, width) if record.segmentations else None
    box_px = record.box_px
    if box_px is None:
        x, y, box_width, box_height = coco.toBbox(rle).tolist()
        box_px = (x, y, x + box_width, y + box_height)
    return _compressed(rle) if rle else None, _normalised(record, box_px, height, width)


def _union(record: Record, height: int, width: int) -> dict:
    rings, parts = [], []
    for item in record.segmentations:
        if isinstance(item, list):
            rings += _rings(record, item, height, width)
            continue
        try:
            parts.append(rle_encode(segmentation_mask(item, height, width)))
        except UserError as error:
            raise BadRow("bad_annotation", f"{record.name}: {error}") from error
    parts += coco.frPyObjects(rings, height, width) if rings else []
    if not parts:
        raise BadRow("empty_mask", f"{record.name}: no outline has three vertices")
    rle = coco.merge(parts)
    if not coco.area(rle):
        raise BadRow("empty_mask", f"{record.name}: the mask covers no pixel")
    return rle


def _rings(record: Record, polygons: list, height: int, width: int) -> list[list[float]]:
    """The outlines of three vertices and more; those of one or two, which COCO has some of, cover nothing."""
    rings = []
    for ring in polygons:
        if not isinstance(ring, list) or len(ring) % 2 or not _are_finite(ring):
            raise BadRow("bad_annotation", f"{record.name}: an outline is no list of pairs of finite numbers")
        if len(ring) >= 6:
            xs, ys = ring[0::2], ring[1::2]
            _check_inside(record, (min(xs), min(ys), max(xs), max(ys)), height, width)
            rings.append(ring)
    return rings


def _normalised(record: Record, box_px: _Box, height: int, width: int) -> _Box:
    if len(box_px) != 4 or not _are_finite(box_px):
        raise BadRow("bad_annotation", f"{record.name}: its box {box_px} is no four finite numbers")
    _check_inside(record, box_px, height, width)
    x0, x1 = (min(max(box_px[i] / width, 0.0), 1.0) for i in (0, 2))
    y0, y1 = (min(max(box_px[i] / height, 0.0), 1.0) for i in (1, 3))
    if x0 >= x1 or y0 >= y1:
        raise BadRow("bad_annotation", f"{record.name}: its box {box_px} (x0, y0, x1, y1) has no area in the image")
    return x0, y0, x1, y1


def _check_inside(record: Record, box_px: _Box, height: int, width: int) -> None:
    x0, y0, x1, y1 = box_px
    dx, dy = _OUTSIDE * width, _OUTSIDE * height
    if x0 < -dx or y0 < -dy or x1 > width + dx or y1 > height + dy:
        raise BadRow("outside_image", f"{record.name}: it leaves its image of {height} x {width} px")


def _are_finite(values: Sequence) -> bool:
    """Whether all are finite numbers; their sum tells, twenty times as fast as looking at each."""
    try:
        return math.isfinite(sum(values))
    except (TypeError, OverflowError):  # something else among them; an integer beyond all floats
        return False


def _compressed(rle: dict) -> dict:
    """Run lengths as JSON takes them."""
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
