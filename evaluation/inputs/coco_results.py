"""COCO results as a file: the rows of any detector or segmenter.

    [{"image_id": 42, "category_id": 18, "segmentation": {"size": [478, 640], "counts": "VQi31m>0O..."}, "score": 0.9}]

A segmentation is run lengths, compressed or not, or polygons; a row may have a `bbox` [x, y, width, height] instead or
besides. Numbers as text and polygons of any nesting are read, as in annotation files. Which sample a row answers is
decided in coco_answers.py.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data import coco_fields as fields
from evaluation.inputs.bad_rows import BadRows
from polygon import UserError


@dataclass(frozen=True, slots=True)
class Detection:
    """A row of the file; `number` counts from 1. `segmentation` is not looked into yet, `bbox` is x, y, w, h in px."""

    number: int
    sample_id: str | None
    image_id: int | str | None
    ann_id: str | None
    category_id: int | str | None
    score: float
    segmentation: list | dict | None
    bbox: tuple[float, float, float, float] | None


def read_detections(path: Path, bad: BadRows) -> Iterator[Detection]:
    """The rows of a COCO results file, in order; also of a COCO file that has them as `annotations`.

    Raises UserError for a file that is no JSON or holds no list.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no whole JSON file ({error}); format=coco reads a list of results") from None
    rows = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise UserError(f"{path} is no COCO results file: it holds no list; name its format=")
    for number, row in enumerate(rows, start=1):
        try:
            yield _detection(number, row)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            bad.add("bad_row", f"row {number}: {error}")


def _detection(number: int, row: dict) -> Detection:
    segmentation, bbox = fields.segmentation(row.get("segmentation")), fields.box(row.get("bbox"))
    if not segmentation and bbox is None:
        raise ValueError("neither a segmentation nor a bbox")
    sample_id, image = row.get("sample_id"), row.get("image_id")
    if not isinstance(sample_id, str | None):
        raise ValueError(f"sample_id is {sample_id!r}, not a string")
    if sample_id is None or image is not None:
        image = fields.identifier(image, "image_id")
    score = fields.number(row.get("score", 1.0), "score")
    if bbox is not None and not (max(map(abs, bbox)) < 1e9 and bbox[2] >= 0 and bbox[3] >= 0):
        raise ValueError(f"bbox {list(bbox)} is no box")
    ann_id, category = row.get("ann_id"), row.get("category_id")
    ann_id = None if ann_id is None else str(fields.identifier(ann_id, "ann_id"))
    category = None if category is None else fields.identifier(category, "category_id")
    return Detection(number, sample_id, image, ann_id, category, score, polygons(segmentation), bbox)


def polygons(segmentation: list | dict | None) -> list | dict | None:
    """Run lengths as they are, polygons as plain lists; parts of one or two vertices, which cover nothing, left out."""
    if not isinstance(segmentation, list):
        return segmentation
    if any(isinstance(part, dict) for part in segmentation):
        raise ValueError("segmentation is a list of run lengths; one row has one mask")
    return [part.tolist() for part in segmentation if len(part) >= 6]
