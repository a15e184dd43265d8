"""Metrics against independent formulas: pycocotools for overlaps, a loop for resampling, algebra for errors."""

import numpy as np
import pytest
from pycocotools import mask as coco

from evaluation.evaluators import box_columns, mask_columns, point_columns
from evaluation.metrics import ciou, ciou_difference, mean, mean_difference
from polygon import Box, Codec, Mask, Point, Target, UserError, rle_encode

CODEC = Codec()
RNG = np.random.default_rng(7)


def make_target(mask_HW, kind="mask", box=None):
    height, width = mask_HW.shape
    return Target(kind=kind, task=f"text2{kind}", height=height, width=width, rle=rle_encode(mask_HW), box=box)


def rectangle(x0, y0, x1, y1, size=20):
    mask_HW = np.zeros((size, size), dtype=bool)
    mask_HW[y0:y1, x0:x1] = True
    return mask_HW


def ellipse(rng, height=60, width=80):
    y, x = np.mgrid[:height, :width]
    center_x, center_y, radius_x, radius_y = rng.uniform([20, 15, 5, 5], [60, 45, 20, 15])
    return ((x - center_x) / radius_x) ** 2 + ((y - center_y) / radius_y) ** 2 <= 1


def test_mask_columns_agree_with_pycocotools():
    for _ in range(20):
        truth, answered = ellipse(RNG), ellipse(RNG)
        region = CODEC.encode(answered)
        columns = mask_columns(region, make_target(truth), CODEC, "mask")
        rles = [coco.encode(np.asfortranarray(m, dtype=np.uint8)) for m in (CODEC.rasterise(region, 60, 80), truth)]
        iou = coco.iou(rles[:1], rles[1:], [0])[0, 0]
        boxes = np.array([coco.toBbox(rle) for rle in rles])
        assert columns["gIoU"] == pytest.approx(iou)
        assert columns["intersection_px"] == coco.area(coco.merge(rles, intersect=True))
        assert columns["union_px"] == coco.area(coco.merge(rles))
        assert columns["Acc@0.5"] == (coco.iou(boxes[:1], boxes[1:], [0])[0, 0] >= 0.5)
        assert [columns[f"Prec@{t}"] for t in (0.5, 0.6, 0.7, 0.8, 0.9)] == [
            iou >= t for t in (0.5, 0.6, 0.7, 0.8, 0.9)
        ]
        assert columns["vertices"] == sum(map(len, region.polygons))


@pytest.mark.parametrize(
    ("answer", "truth_is_empty", "iou", "hit"),
    [
        (Mask(), True, 1.0, 1.0),  # empty union
        (Mask(), False, 0.0, 0.0),
        (None, True, 0.0, 0.0),  # a parse failure is wrong even where an empty answer would be right
        (None, False, 0.0, 0.0),
        (CODEC.encode(rectangle(2, 2, 12, 12)), True, 0.0, 0.0),
        (CODEC.encode(rectangle(2, 2, 12, 12)), False, 1.0, 1.0),
    ],
)
def test_degenerate_masks(answer, truth_is_empty, iou, hit):
    truth = rectangle(2, 2, 12, 12) & (not truth_is_empty)
    target = make_target(truth, box=None if truth_is_empty else (0.1, 0.1, 0.6, 0.6))
    columns = mask_columns(answer, target, CODEC, "annotated")
    assert (columns["gIoU"], columns["Acc@0.5"], columns["Prec@0.9"]) == (iou, hit, iou)
    assert columns["union_px"] == (100 if not truth_is_empty or (answer and answer.polygons) else 0)


def test_acc_compares_with_the_box_that_was_asked_for():
    target = make_target(rectangle(2, 2, 12, 12), box=(0.5, 0.5, 1.0, 1.0))
    answer = CODEC.encode(rectangle(2, 2, 12, 12))
    assert mask_columns(answer, target, CODEC, "mask")["Acc@0.5"] == 1.0
    assert mask_columns(answer, target, CODEC, "annotated")["Acc@0.5"] == 0.0
    with pytest.raises(UserError, match="acc_box=mask"):
        mask_columns(answer, make_target(rectangle(2, 2, 12, 12)), CODEC, "annotated")


def test_box_and_point_columns():
    target = make_target(rectangle(0, 0, 10, 10), "box", (0.0, 0.0, 0.5, 0.5))
    columns = box_columns(Box(0.0, 0.0, 0.5, 0.25), target, CODEC, "annotated")
    assert columns == {"mIoU": pytest.approx(0.5), "Acc@0.5": 1.0}
    assert box_columns(None, target, CODEC, "annotated") == {"mIoU": 0.0, "Acc@0.5": 0.0}
    corner = make_target(rectangle(19, 19, 20, 20), "point")
    assert point_columns(Point(1.0, 1.0), corner, CODEC, "annotated") == {"hit rate": 1.0}
    assert point_columns(Point(0.94, 1.0), corner, CODEC, "annotated") == {"hit rate": 0.0}
    assert point_columns(None, corner, CODEC, "annotated") == {"hit rate": 0.0}


def test_mean_and_its_error():
    values = RNG.uniform(size=50)
    measured = mean(np.append(values, np.nan)[None])
    assert (measured.value, measured.n) == (pytest.approx(values.mean()), 50)
    assert measured.se == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    assert np.isnan(mean(np.array([[0.5]])).se)
    assert mean(np.full((1, 3), np.nan)).n == 0


def test_ciou_weighs_by_area_and_an_empty_union_is_one():
    assert ciou(np.array([[10.0, 0.0]]), np.array([[10.0, 90.0]])).value == pytest.approx(0.1)
    assert ciou(np.zeros((1, 4)), np.zeros((1, 4))).value == 1.0


def test_ciou_error_agrees_with_the_delta_method():
    unions = RNG.uniform(50, 150, size=400)
    intersections = unions * RNG.uniform(size=400)
    measured = ciou(intersections[None], unions[None])
    residuals = (intersections - measured.value * unions) / unions.mean()
    assert measured.se == pytest.approx(residuals.std(ddof=1) / np.sqrt(400), rel=0.1)
    assert ciou(intersections[None], unions[None]) == measured  # fixed seed


def test_differences_are_paired():
    before = RNG.uniform(size=(1, 200))
    after = before + 0.1 + 0.01 * RNG.standard_normal((1, 200))
    gain = mean_difference(before, after)
    assert gain.value == pytest.approx(0.1, abs=0.005)
    assert gain.se < mean(before).se / 10
    unions = np.full((1, 200), 100.0)
    gain = ciou_difference((100 * before, unions), (100 * after, unions))
    assert gain.value == pytest.approx(0.1, abs=0.005)
    assert gain.se < ciou(100 * before, unions).se / 10


def test_seeds_add_their_own_spread_to_the_error():
    one_run = RNG.uniform(size=100)
    offsets = np.array([[-0.2], [0.0], [0.2]])
    measured = mean(one_run + offsets)
    se_samples, se_runs = one_run.std(ddof=1) / 10, 0.2 / np.sqrt(3)
    assert measured.value == pytest.approx(one_run.mean())
    assert measured.se == pytest.approx(np.hypot(se_samples, se_runs))
