"""Each reward term alone: its formula on answers with a known value, and that the gold answer scores full marks."""

import json
import math
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from polygon import Box, Codec, Mask, Point, Target, UserError, mask_box, mask_iou, rle_encode, segmentation_mask
from rewards import TERMS, Response
from rewards.boundary import BoundaryIoU
from rewards.box_iou import BoxIoU
from rewards.distance import CentroidDistance, centroid
from rewards.format import Format
from rewards.iou import MaskIoU
from rewards.length import LengthPenalty
from rewards.point_in_mask import PointInMask

CODEC = Codec()
SIZE = 200
EMPTY = np.zeros((SIZE, SIZE), dtype=bool)


def rectangle(x0, y0, x1, y1):
    mask_HW = EMPTY.copy()
    mask_HW[y0:y1, x0:x1] = True
    return mask_HW


def shapes():
    disc, ring, two = (np.zeros((SIZE, SIZE), dtype=np.uint8) for _ in range(3))
    cv2.circle(disc, (80, 120), 50, 1, -1)
    cv2.circle(ring, (100, 100), 60, 1, 18)
    cv2.ellipse(two, (50, 60), (30, 20), 30, 0, 360, 1, -1)
    cv2.fillPoly(two, [np.array([[120, 110], [180, 130], [150, 185], [140, 150]])], 1)
    return {
        "disc": disc > 0,
        "ring with a hole": ring > 0,
        "two parts": two > 0,
        "rectangle": rectangle(20, 30, 90, 160),
    }


def target(mask_HW, kind="mask"):
    box = mask_box(mask_HW)
    box = None if box is None else (box.x0, box.y0, box.x1, box.y1)
    return Target(kind=kind, task=f"text2{kind}", height=SIZE, width=SIZE, rle=rle_encode(mask_HW), box=box)


def value(term, text, gold):
    return term(Response(text, gold, CODEC), gold)


@pytest.mark.parametrize("name", shapes())
def test_gold_mask_scores_full_marks_up_to_the_codec(name):
    mask_HW = shapes()[name]
    gold, text = target(mask_HW), CODEC.text(mask_HW)
    oracle_iou = mask_iou(CODEC.rasterise(CODEC.encode(mask_HW), SIZE, SIZE), mask_HW)
    assert oracle_iou > 0.95
    scores = {term: value(TERMS[term](), text, gold) for term in TERMS}
    assert scores["iou"] == pytest.approx(oracle_iou, abs=0.005)
    assert scores["distance"] > 0.999
    assert scores["format"] == scores["length"] == 1.0
    assert scores["box_iou"] is scores["point_in_mask"] is None


def test_gold_scores_full_marks_on_real_masks():
    """The same on COCO instances: every term but the IoU is at its maximum, and the IoU at the codec's own ceiling."""
    shared = Path(os.environ.get("SIMPLESEG_SHARED", Path(__file__).parents[3] / "shared"))
    path = shared / "data" / "coco_dev" / "instances.json"
    if not path.exists():
        pytest.skip(f"no {path.name} of coco_dev under {shared}; set SIMPLESEG_SHARED")
    coco = json.loads(path.read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in coco["images"]}
    instances = [a for a in coco["annotations"] if not a["iscrowd"] and a["area"] > 64]
    for annotation in instances[:: len(instances) // 100]:
        height, width = sizes[annotation["image_id"]]
        mask_HW = segmentation_mask(annotation["segmentation"], height, width)
        gold = Target("mask", "text2mask", height, width, rle_encode(mask_HW), None)
        response = Response(CODEC.text(mask_HW), gold, CODEC)
        oracle_iou = mask_iou(CODEC.rasterise(CODEC.encode(mask_HW), height, width), mask_HW)
        assert MaskIoU()(response, gold) == pytest.approx(oracle_iou, abs=0.005)
        assert CentroidDistance()(response, gold) > 0.99
        assert Format()(response, gold) == LengthPenalty()(response, gold) == 1.0


def test_gold_box_and_point_score_full_marks():
    mask_HW = rectangle(20, 30, 90, 160)
    box = target(mask_HW, "box")
    assert value(BoxIoU(), CODEC.format(Box(*box.box)), box) == pytest.approx(1.0)
    assert value(PointInMask(), CODEC.format(Point(0.3, 0.5)), target(mask_HW, "point")) == 1.0
    assert value(Format(), CODEC.format(Box(*box.box)), box) == 1.0


def test_no_target_is_answered_by_an_empty_list_and_by_nothing_else():
    gold, polygon = target(EMPTY), CODEC.text(rectangle(20, 30, 90, 160))
    for term in (MaskIoU(), CentroidDistance(), MaskIoU(threshold=0.5), BoundaryIoU()):
        assert value(term, "[]", gold) == 1.0
        assert value(term, polygon, gold) == 0.0
        assert value(term, "there is no such object", gold) == 0.0


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("kind", ["mask", "box", "point"])
def test_a_term_is_absent_outside_its_kinds_and_zero_on_parse_failures_inside(name, kind):
    term = TERMS[name]()
    expected = 0.0 if kind in term.applies_to else None
    for mask_HW in (rectangle(20, 30, 90, 160), EMPTY):
        assert value(term, "I cannot see it.", target(mask_HW, kind)) == expected


def test_mask_iou_of_half_the_object_and_its_hard_variant():
    gold, text = target(rectangle(20, 20, 120, 120)), CODEC.text(rectangle(20, 20, 120, 70))
    assert value(MaskIoU(), text, gold) == pytest.approx(0.5, abs=0.02)
    assert value(MaskIoU(threshold=0.4), text, gold) == 1.0
    assert value(MaskIoU(threshold=0.6), text, gold) == 0.0


def test_boundary_iou_of_a_shifted_square():
    """Bands are 6 px wide (2 % of 283): of a square of 100 and one 6 px further right, by counting."""
    gold, text = target(rectangle(20, 20, 120, 120)), CODEC.text(rectangle(26, 20, 126, 120))
    outer, inner = rectangle(20, 20, 120, 120), rectangle(26, 26, 114, 114)
    band = outer & ~inner
    shifted = np.roll(band, 6, axis=1)
    expected = (band & shifted).sum() / (band | shifted).sum()
    assert value(BoundaryIoU(), text, gold) == pytest.approx(expected, abs=0.02)
    assert value(MaskIoU(), text, gold) > value(BoundaryIoU(), text, gold) + 0.2


def test_centroid_is_the_mean_pixel_centre():
    assert centroid(rectangle(10, 20, 11, 21)) == pytest.approx((10.5 / SIZE, 20.5 / SIZE))
    assert centroid(rectangle(0, 0, SIZE, SIZE // 2)) == pytest.approx((0.5, 0.25))
    assert centroid(EMPTY) is None


def test_centroid_distance_is_exp_of_the_mean_squared_error():
    gold, text = target(rectangle(20, 20, 60, 60)), CODEC.text(rectangle(80, 60, 120, 100))
    mse = ((60 / SIZE) ** 2 + (40 / SIZE) ** 2) / 2
    assert value(CentroidDistance(scale=0.05), text, gold) == pytest.approx(math.exp(-mse / 0.05), abs=0.01)
    assert value(CentroidDistance(), "[]", gold) == 0.0


def test_centroid_distance_ranks_misses_that_iou_cannot():
    gold = target(rectangle(20, 20, 40, 40))
    near, far = CODEC.text(rectangle(45, 20, 65, 40)), CODEC.text(rectangle(150, 150, 170, 170))
    assert value(MaskIoU(), near, gold) == value(MaskIoU(), far, gold) == 0.0
    assert value(CentroidDistance(), near, gold) > value(CentroidDistance(), far, gold)


RING = "[[0.100, 0.100], [0.500, 0.100], [0.500, 0.500]]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", 1.0),
        (f"[{RING}]", 1.0),
        (f"  [{RING}]\n", 1.0),
        (f"[{RING}, [[0.600, 0.600], [0.900, 0.600], [0.900, 0.900]]]", 0.0),
        ("[[[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]]", 0.0),
        ("[[[0.1000, 0.1], [0.5, 0.1], [0.5, 0.5]]]", 0.0),
        (f"[{RING}, {RING}]", 0.0),
        (f"[{RING}, [[0.500, 0.100], [0.500, 0.500], [0.100, 0.100]]]", 0.0),
        (f"[{RING}, [[0.500, 0.500], [0.500, 0.100], [0.100, 0.100], [0.100, 0.100]]]", 0.0),
        (f"Sure: [{RING}]", 0.0),
        (f"[{RING}] [{RING}]", 0.0),
        (f"[{RING}, [[0.600, 0.6", 0.0),
    ],
    ids=[
        "no target",
        "one",
        "white space",
        "more rings than the target has parts",
        "fewer decimals",
        "other decimals",
        "copy",
        "rotated copy",
        "reversed copy",
        "prose",
        "two",
        "cut",
    ],
)
def test_format(text, expected):
    assert value(Format(), text, target(rectangle(20, 20, 100, 100))) == expected


def circle_text(vertices):
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    return CODEC.format(Mask((np.stack([0.5 + 0.3 * np.cos(angle), 0.5 + 0.3 * np.sin(angle)], axis=1),)))


def test_length_is_free_up_to_the_budget_then_falls():
    gold = target(rectangle(20, 20, 100, 100))
    values = [value(LengthPenalty(budget=16), circle_text(n), gold) for n in (3, 16, 17, 32, 160)]
    assert values == pytest.approx([1.0, 1.0, 16 / 17, 0.5, 0.1])


def test_length_budget_grows_with_what_the_target_itself_needs():
    gold = target(shapes()["disc"])
    needed = CODEC.encode(gold.mask).n_vertices
    assert needed > 4
    assert value(LengthPenalty(budget=4), circle_text(needed), gold) == 1.0
    assert value(LengthPenalty(budget=4), circle_text(2 * needed), gold) == pytest.approx(0.5)


def test_box_iou_uses_the_annotated_box():
    gold = Target("box", "text2box", SIZE, SIZE, rle_encode(rectangle(0, 0, 10, 10)), (0.5, 0.5, 1.0, 1.0))
    assert value(BoxIoU(), "[0.500, 0.500, 1.000, 1.000]", gold) == 1.0
    assert value(BoxIoU(), "[0.500, 0.500, 1.000, 0.750]", gold) == 0.5
    assert value(BoxIoU(), "[0.000, 0.000, 0.100, 0.100]", gold) == 0.0


@pytest.mark.parametrize(
    ("text", "expected"), [("[1.000, 1.000]", 1.0), ("[0.000, 0.000]", 0.0), ("[0.750, 0.800]", 1.0)]
)
def test_point_in_mask_reaches_the_last_pixel(text, expected):
    assert value(PointInMask(), text, target(rectangle(100, 100, SIZE, SIZE), "point")) == expected


def test_boxes_and_points_cannot_say_no_target():
    assert value(BoxIoU(), "[0.100, 0.100, 0.200, 0.200]", target(EMPTY, "box")) == 0.0
    assert value(PointInMask(), "[0.100, 0.100]", target(EMPTY, "point")) == 0.0


@pytest.mark.parametrize(
    ("term", "options"),
    [
        (MaskIoU, {"threshold": 1.5}),
        (CentroidDistance, {"scale": 0.0}),
        (LengthPenalty, {"budget": 0}),
        (BoundaryIoU, {"band": 0.0}),
    ],
)
def test_an_option_out_of_range_is_named(term, options):
    with pytest.raises(UserError, match="=".join(str(part) for part in next(iter(options.items())))):
        term(**options)
