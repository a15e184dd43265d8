"""Answers as COCO results: run lengths of masks as they are scored, boxes in pixels.

Images and categories have the ids of their annotation file, so that the results can be scored against it. An object is
one row, however many expressions mean it: the answer with the best score, the first of several. `format=coco` reads
them back by `sample_id` and `ann_id`. An empty mask is no row, as detectors have it, and points have no place in
results; both are counted. A model that gives no score gets 1.0.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evaluation.exports.exported import Exported
from polygon import Box, Codec, Mask, mask_box, rle_encode
from polygon.output import write_whole

CATEGORY = 1  # results need one; where the annotations have none


def write_coco(answers: Iterable[Exported], output: Path, codec: Codec, left_out: Counter[str]) -> int:
    """Write one JSON file; returns the number of rows."""
    rows: dict[tuple[str, str], dict] = {}
    for answer in answers:
        sample, region = answer.sample, answer.region
        number = sample.image_id.removeprefix("coco/")
        image = sample.source_image_id
        if image is None:
            image = int(number) if number.isdecimal() else sample.image_id
        category = CATEGORY if sample.category_id is None else sample.category_id
        row: dict = {"image_id": image, "category_id": category, "ann_id": sample.ann_id}
        if isinstance(region, Mask):
            mask_HW = answer.mask_HW
            if mask_HW is None:
                mask_HW = codec.rasterise(region, sample.height, sample.width)
            if (box := mask_box(mask_HW)) is None:
                left_out["empty masks"] += 1
                continue
            row["segmentation"] = rle_encode(mask_HW)
        elif isinstance(region, Box):
            box = region
        else:
            left_out["points"] += 1
            continue
        x, y, right, bottom = (
            round(side * length, 3)
            for side, length in zip(vars(box).values(), 2 * (sample.width, sample.height), strict=True)
        )
        row |= {"bbox": [x, y, round(right - x, 3), round(bottom - y, 3)]}
        row |= {"score": 1.0 if answer.score is None else answer.score, "sample_id": sample.sample_id}
        before = rows.setdefault((sample.image_id, sample.ann_id), row)
        if before is not row:
            left_out["further expressions of an object"] += 1
            if row["score"] > before["score"]:
                rows[sample.image_id, sample.ann_id] = row
    write_whole(output, json.dumps([*rows.values()]).encode() + b"\n")
    return len(rows)
