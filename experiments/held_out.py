"""What a run's held-out answers say that verl does not log: cIoU, and how far the codec itself could get.

verl writes the answers of each validation to `answers/STEP.jsonl` of a run folder, with text and target in each row.
"""

import json
import math
import statistics
from collections import defaultdict
from pathlib import Path

import numpy as np

from polygon import Codec, Target, UserError, mask_iou

CIOU, CEILING = "held-out/cIoU", "held-out/ceiling"


def held_out_curves(answers: Path, codec: Codec) -> dict[str, dict[int, float]]:
    """By step: cIoU, the sum of intersections over that of unions, where what cannot be read covers nothing; and the
    mean IoU of the same targets with themselves, written and read by `codec`. Answers that are no masks are left out.

    Raises UserError for a file that is no validation's.
    """
    ceilings: dict[str, float] = {}
    curves: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted(answers.glob("*.jsonl"), key=lambda file: int(file.stem)):
        intersection_px = union_px = 0
        seen = set()
        for text, written in read_answers(file):
            target = Target.from_json(written)  # not kept: decoded masks of a whole split are gigabytes
            if target.kind != "mask":
                continue
            if written not in ceilings:
                ceilings[written] = mask_iou(mask(codec.text(target.mask), target, codec), target.mask)
            seen.add(written)
            answered_HW = mask(text, target, codec)
            intersection_px += np.count_nonzero(answered_HW & target.mask)
            union_px += np.count_nonzero(answered_HW | target.mask)
        if seen:
            curves[CIOU][int(file.stem)] = intersection_px / union_px if union_px else math.nan
            curves[CEILING][int(file.stem)] = statistics.fmean(ceilings[each] for each in seen)
    return dict(curves)


def read_answers(file: Path) -> list[tuple[str, str]]:
    """(text, target as JSON) of each row."""
    rows = []
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        try:
            row = json.loads(line)
            rows.append((str(row["output"]), str(row["gts"])))
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{file}:{number}: not an answer of a validation ({error})") from None
    return rows


def mask(text: str, target: Target, codec: Codec) -> np.ndarray:
    """bool (H, W), empty where the text is no answer."""
    region = codec.parse(text, "mask").region
    if region is None:
        return np.zeros((target.height, target.width), dtype=bool)
    return codec.rasterise(region, target.height, target.width)
