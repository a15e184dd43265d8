"""Groups of samples that are told apart in tables: where they come from, and what makes an object hard.

Object areas are COCO's bins. Parts and holes are counted in the ground-truth mask, whatever their size (8-connected
parts, 4-connected holes).
"""

from bisect import bisect_right
from collections.abc import Mapping

import cv2
import numpy as np

from data.sample import Sample
from polygon import Target
from polygon.rle import coco

SLICES: Mapping[str, tuple[str, ...]] = {
    "source": (),
    "split": (),
    "area": ("small, < 32 x 32 px", "medium, < 96 x 96 px", "large", "no target"),
    "parts": ("1", "2", "3 or more", "no target"),
    "holes": ("without", "with", "no target"),
    "expression": ("1 or 2 words", "3 to 5 words", "6 to 9 words", "10 or more words", "no words"),
    "image": ("longer side < 400 px", "400 to 799 px", "800 px or more"),
}
"""Every slice with its groups, in the order of tables; a group that is not listed comes after, by name."""

UNKNOWN = "unknown"
_AREAS = (32**2, 96**2)
_WORDS = (3, 6, 10)
_SIDES = (400, 800)


def groups_of(sample: Sample, target: Target) -> dict[str, str]:
    """The group a sample belongs to in every slice. A target that is a box alone has parts and holes `unknown`."""
    words = count_words(sample.expression)
    return {
        "source": sample.source,
        "split": sample.split,
        **_shape(target),
        "expression": SLICES["expression"][bisect_right(_WORDS, words)] if words else "no words",
        "image": SLICES["image"][bisect_right(_SIDES, max(target.height, target.width))],
    }


def count_words(expression: str | None) -> int:
    return len(expression.split()) if expression else 0


def _shape(target: Target) -> dict[str, str]:
    if target.rle is None:
        x0, y0, x1, y1 = target.box or (0.0, 0.0, 0.0, 0.0)
        area, parts, holes = (x1 - x0) * target.width * (y1 - y0) * target.height, UNKNOWN, UNKNOWN
    else:
        area = int(coco.area(target.rle))
        if not area:
            return dict.fromkeys(("area", "parts", "holes"), "no target")
        x, y, width, height = (int(side) for side in coco.toBbox(target.rle))
        crop_HW = np.ascontiguousarray(target.mask[y : y + height, x : x + width]).view(np.uint8)
        _, tree_1N4 = cv2.findContours(crop_HW, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        n_holes = int(np.count_nonzero(tree_1N4[0, :, 3] >= 0))  # a hole has a parent
        parts = SLICES["parts"][min(tree_1N4.shape[1] - n_holes, 3) - 1]
        holes = SLICES["holes"][n_holes > 0]
    return {"area": SLICES["area"][bisect_right(_AREAS, area)], "parts": parts, "holes": holes}
