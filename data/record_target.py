"""The target of a record: its segmentations and box, checked and put together as run lengths and a normalised box.

Why: a million annotations of unknown origin pass here, so it is quick (polygons become run lengths without ever being
drawn as pixels) and believes nothing: pycocotools takes memory by the length of an outline, also of one that leaves
the image by a million pixels.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from data.problems import BadRow
from data.record import OUTSIDE, Record
from polygon import UserError, rle_encode, segmentation_mask
from polygon.rle import coco

_SLACK_PX, _SIDE_SLACK = 3.0, 0.15  # between a box and its mask: outlines are simplified, boxes drawn by hand
_AREA_SLACK = 0.5  # of the larger of two areas: COCO's own is of the outlines before parts were joined
_Box = tuple[float, float, float, float]


class Found(NamedTuple):
    """Compressed run lengths of a mask, of its pixels that two outlines of the object cover, and a box."""

    rle: dict | None
    box: _Box | None
    twice: dict | None = None


def target_of(record: Record, height: int, width: int) -> Found:
    """The target of a record whose image is height x width px.

    The mask is the union of the segmentations; None where there is a box only, empty where nothing is meant.
    The box is normalised, as annotated, else around the mask; None where nothing is meant.
    Raises BadRow: bad_annotation, normalised, outside_image, empty_mask, box_disagrees, area_disagrees.
    """
    if not record.has_target:
        nothing = coco.frPyObjects({"size": [height, width], "counts": [height * width]}, height, width)
        return Found(_compressed(nothing), None)
    if not record.segmentations:
        assert record.box_px is not None  # there is a target
        return Found(None, _normalised(record, record.box_px, height, width))
    rle, twice = _union(record, height, width)
    x, y, box_width, box_height = coco.toBbox(rle).tolist()
    around_px = (x, y, x + box_width, y + box_height)
    box = _normalised(record, record.box_px or around_px, height, width)
    _check_agreement(record, record.box_px or around_px, around_px, float(coco.area(rle)))
    return Found(_compressed(rle), box, twice)


def _check_agreement(record: Record, box_px: _Box, around_px: _Box, area_px: float) -> None:
    """Raise BadRow where box or area are not the mask's: one of them is in another convention, or of another object."""
    if said := disagreement(box_px, around_px):
        raise BadRow("box_disagrees", f"{record.name}: {said}")
    if record.box_px is None and not area_agrees(record, area_px):
        raise BadRow("area_disagrees", f"{record.name}: area {record.area_px:g}, its mask has {area_px:g} px")


def disagreement(box_px: _Box, around_px: _Box) -> str | None:
    """How a box (x0, y0, x1, y1) is not the one around its mask, and what it looks like; None where it can be it."""
    if _agree(box_px, around_px):
        return None
    x0, y0, x1, y1 = box_px
    hints = {
        "x0, y0, x1, y1": (x0, y0, x1 - x0, y1 - y0),
        "centre, width and height": (x0 - (x1 - x0) / 2, y0 - (y1 - y0) / 2, x0 + (x1 - x0) / 2, y0 + (y1 - y0) / 2),
    }
    hint = next((f"; it fits as {name}" for name, each in hints.items() if _agree(each, around_px)), "")
    shown = [round(value, 1) for value in (x0, y0, x1 - x0, y1 - y0)]
    mask = [round(value, 1) for value in (*around_px[:2], *(around_px[i + 2] - around_px[i] for i in (0, 1)))]
    return f"bbox {shown} is not the mask's {mask} (x, y, width, height){hint}"


def area_agrees(record: Record, area_px: float) -> bool:
    """Whether the annotated area, if there is one, can be the mask's. Where a box agrees, a wrong one is only noted."""
    stated = record.area_px or 0.0
    return stated <= 0 or abs(stated - area_px) <= max(_SLACK_PX**2, _AREA_SLACK * max(stated, area_px))


def _agree(box_px: _Box, other_px: _Box) -> bool:
    """Whether sides differ by annotators' slack only."""
    slack = [max(_SLACK_PX, _SIDE_SLACK * (other_px[axis + 2] - other_px[axis])) for axis in (0, 1)]
    return all(abs(box_px[side] - other_px[side]) <= slack[side % 2] for side in range(4))


def _union(record: Record, height: int, width: int) -> tuple[dict, dict | None]:
    """Run lengths of the mask, and of what two outlines of one object cover, None for nothing."""
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
    is_covered_once = len(parts) == 1 or record.n_objects > 1 or coco.area(parts).sum() == coco.area(rle)
    return rle, None if is_covered_once else rle_encode(coco.decode(parts).sum(axis=2) > 1)


def _rings(record: Record, polygons: list, height: int, width: int) -> list[list[float]]:
    """The outlines of three vertices and more; those of one or two, which COCO has some of, cover nothing."""
    rings = []
    for ring in polygons:
        if not isinstance(ring, list) or len(ring) % 2 or not _are_finite(ring):
            raise BadRow("bad_annotation", f"{record.name}: an outline is no list of pairs of finite numbers")
        if len(ring) >= 6:
            xs, ys = ring[0::2], ring[1::2]
            if max(xs) <= 1 and max(ys) <= 1 and min(height, width) > 2:
                raise BadRow(
                    "normalised", f"{record.name}: its outline lies within 0..1; coordinates are expected in px"
                )
            _check_inside(record, (min(xs), min(ys), max(xs), max(ys)), height, width)
            rings.append(ring)
    return rings


def _normalised(record: Record, box_px: _Box, height: int, width: int) -> _Box:
    if len(box_px) != 4 or not _are_finite(box_px):
        raise BadRow("bad_annotation", f"{record.name}: its box {box_px} is no four finite numbers")
    if max(box_px) <= 1 and min(height, width) > 2:
        raise BadRow(
            "normalised",
            f"{record.name}: its box {box_px} lies within 0..1; px are expected "
            "(a table's says so by dataset.source.box_range=1)",
        )
    _check_inside(record, box_px, height, width)
    x0, x1 = (min(max(box_px[i] / width, 0.0), 1.0) for i in (0, 2))
    y0, y1 = (min(max(box_px[i] / height, 0.0), 1.0) for i in (1, 3))
    if x0 >= x1 or y0 >= y1:
        raise BadRow("bad_annotation", f"{record.name}: its box {box_px} (x0, y0, x1, y1) has no area in the image")
    return x0, y0, x1, y1


def _check_inside(record: Record, box_px: _Box, height: int, width: int) -> None:
    x0, y0, x1, y1 = box_px
    dx, dy = OUTSIDE * width, OUTSIDE * height
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
