"""Answers as COCO results: run lengths of masks as they are scored, boxes in pixels.

`format=coco` reads them back: a row keeps its `sample_id`. An empty mask is no row, as detectors have it, and points
have no place in results; both are counted. A model that gives no score gets 1.0.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evaluation.exports.exported import Exported
from polygon import Box, Codec, Mask, mask_box, rle_encode
from polygon.output import write_whole

CATEGORY = 1  # results need one; an expression is none


def write_coco(answers: Iterable[Exported], output: Path, codec: Codec, left_out: Counter[str]) -> int:
    """Write one JSON file; returns the number of rows."""
    rows = []
    for answer in answers:
        sample, region = answer.sample, answer.region
        number = sample.image_id.removeprefix("coco/")
        row = {"image_id": int(number) if number.isdecimal() else sample.image_id, "category_id": CATEGORY}
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
        rows.append(row | {"score": 1.0 if answer.score is None else answer.score, "sample_id": sample.sample_id})
    write_whole(output, json.dumps(rows).encode() + b"\n")
    return len(rows)
