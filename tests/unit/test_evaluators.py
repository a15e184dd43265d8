"""What one answer scores, against pycocotools and by hand, with every degenerate case."""

import math

import numpy as np
import pytest
from pycocotools import mask as coco

from evaluation.conventions import Conventions
from evaluation.measures.boundary import BoundarySettings
from evaluation.measures.evaluators import Scoring, box_columns, mask_columns, point_columns
from polygon import Box, Codec, Mask, Point, Target, UserError, rle_encode

CODEC = Codec()
RNG = np.random.default_rng(7)


def scoring(boundary=None, **conventions):
    return Scoring(codec=CODEC, conventions=Conventions(**conventions), boundary=boundary)


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


@pytest.mark.parametrize("as_run_lengths", [False, True])
def test_mask_columns_agree_with_pycocotools(as_run_lengths):
    for _ in range(20):
        truth, answered = ellipse(RNG), ellipse(RNG)
        region = CODEC.encode(answered)
        given = CODEC.rasterise(region, 60, 80) if as_run_lengths else region
        columns = mask_columns(given, make_target(truth), scoring(acc_box="mask"))
        rles = [coco.encode(np.asfortranarray(m, dtype=np.uint8)) for m in (CODEC.rasterise(region, 60, 80), truth)]
        iou = coco.iou(rles[:1], rles[1:], [0])[0, 0]
        boxes = np.array([coco.toBbox(rle) for rle in rles])
        assert columns["gIoU"] == columns["mIoU"] == iou
        assert columns["intersection_px"] == coco.area(coco.merge(rles, intersect=True))
        assert columns["union_px"] == coco.area(coco.merge(rles))
        assert [columns["predicted_px"], columns["truth_px"]] == [coco.area(rle) for rle in rles]
        assert columns["Acc@0.5"] == (coco.iou(boxes[:1], boxes[1:], [0])[0, 0] >= 0.5)
        thresholds = (0.5, 0.6, 0.7, 0.8, 0.9)
        assert [columns[f"Prec@{t}"] for t in thresholds] == [iou >= t for t in thresholds]
        assert columns["T-acc"] == 1.0
        assert math.isnan(columns["N-acc"])


RIGHT, WRONG = rectangle(2, 2, 12, 12), rectangle(15, 15, 19, 19)
ANSWERS = {"unreadable": None, "empty": Mask(), "right": CODEC.encode(RIGHT), "wrong": CODEC.encode(WRONG)}
NAN = math.nan
DEGENERATE = [  # answer, whether anything is there, IoU, Acc@0.5, N-acc, T-acc; "?" is what the conventions say
    ("empty", False, "?", "?", 1.0, NAN),
    ("empty", True, 0.0, 0.0, NAN, 0.0),
    ("right", True, 1.0, 1.0, NAN, 1.0),
    ("wrong", False, 0.0, 0.0, 0.0, NAN),
    ("wrong", True, 0.0, 0.0, NAN, 1.0),
    ("unreadable", False, 0.0, 0.0, 0.0, NAN),
    ("unreadable", True, 0.0, 0.0, NAN, 0.0),
]


@pytest.mark.parametrize("empty_union", [0.0, 1.0])
@pytest.mark.parametrize("parse_failure", ["zero", "empty"])
@pytest.mark.parametrize("acc_box", ["annotated", "mask"])
@pytest.mark.parametrize(("answer", "is_there", "iou", "hit", "n_acc", "t_acc"), DEGENERATE)
def test_degenerate_masks(answer, is_there, iou, hit, n_acc, t_acc, acc_box, parse_failure, empty_union):
    target = make_target(RIGHT & is_there, box=(0.1, 0.1, 0.6, 0.6) if is_there else None)
    rules = scoring(BoundarySettings(), acc_box=acc_box, parse_failure=parse_failure, empty_union=empty_union)
    columns = mask_columns(ANSWERS[answer], target, rules)
    if answer == "unreadable" and parse_failure == "empty":
        assert columns == pytest.approx(mask_columns(Mask(), target, rules), nan_ok=True)
        return
    iou, hit = (empty_union if expected == "?" else expected for expected in (iou, hit))
    expected = {"gIoU": iou, "Acc@0.5": hit, "Prec@0.9": iou, "N-acc": n_acc, "T-acc": t_acc}
    expected |= {"mIoU": iou if is_there else NAN, "Boundary IoU": iou, "Boundary F@0.2%": iou, "C-IoU": iou}
    if answer == "wrong" and is_there:
        assert 0 < columns["Hausdorff 95"] < 20
        assert 0 < columns["PoLiS"] < 20
    else:
        expected |= dict.fromkeys(("Hausdorff 95", "PoLiS"), (1 - iou) * 20 * math.sqrt(2))
    assert {name: columns[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    areas = {"right": (100, 100, 100), "wrong": (0, 16, 100 * is_there)}.get(answer, (0, 0, 100 * is_there))
    assert [columns[f"{name}_px"] for name in ("intersection", "predicted", "truth")] == list(areas)
    assert columns["union_px"] == areas[1] + areas[2] - areas[0]


def test_acc_compares_with_the_box_that_was_asked_for():
    mask_target = make_target(RIGHT, box=(0.5, 0.5, 1.0, 1.0))
    box_target = make_target(RIGHT, "box", (0.5, 0.5, 1.0, 1.0))
    for acc_box, hit in (("annotated", 0.0), ("mask", 1.0)):
        rules = scoring(acc_box=acc_box)
        assert mask_columns(ANSWERS["right"], mask_target, rules)["Acc@0.5"] == hit
        for answered in (Box(0.1, 0.1, 0.6, 0.6), RIGHT):
            assert box_columns(answered, box_target, rules) == {"mIoU": pytest.approx(hit, abs=0.03), "Acc@0.5": hit}
    with pytest.raises(UserError, match=r"conventions\.acc_box=mask"):
        mask_columns(ANSWERS["right"], make_target(RIGHT), scoring())


def test_box_columns():
    target = make_target(rectangle(0, 0, 10, 10), "box", (0.0, 0.0, 0.5, 0.5))
    half = {"mIoU": pytest.approx(0.5), "Acc@0.5": 1.0}
    assert box_columns(Box(0.0, 0.0, 0.5, 0.25), target, scoring()) == half
    assert box_columns(Box(0.0, 0.0, 0.5, 0.25), target, scoring(hit="above")) == half | {"Acc@0.5": 0.0}
    assert box_columns(None, target, scoring()) == {"mIoU": 0.0, "Acc@0.5": 0.0}
    box_only = Target("box", "text2box", 20, 20, None, (0.0, 0.0, 0.5, 0.5))
    assert box_columns(Box(0.0, 0.0, 0.5, 0.25), box_only, scoring()) == half
    with pytest.raises(UserError, match="has a box and no mask"):
        box_columns(Box(0.0, 0.0, 0.5, 0.25), box_only, scoring(acc_box="mask"))
    nothing = make_target(rectangle(0, 0, 0, 0), "box")
    assert box_columns(Box(0.0, 0.0, 1.0, 1.0), nothing, scoring())["mIoU"] == 0.0
    assert box_columns(rectangle(0, 0, 0, 0), nothing, scoring())["mIoU"] == 1.0  # only a mask can say so


def test_point_columns():
    corner = make_target(rectangle(19, 19, 20, 20), "point")
    assert point_columns(Point(1.0, 1.0), corner, scoring()) == {"hit rate": 1.0}
    assert point_columns(Point(0.94, 1.0), corner, scoring()) == {"hit rate": 0.0}
    assert point_columns(None, corner, scoring()) == {"hit rate": 0.0}
    with pytest.raises(UserError, match="a mask where a point is asked for"):
        point_columns(RIGHT, corner, scoring())


def test_specks_may_count_as_empty():
    target = make_target(RIGHT & False)
    for empty_below_px, iou in ((16, 0.0), (17, 1.0)):
        columns = mask_columns(ANSWERS["wrong"], target, scoring(empty_below_px=empty_below_px))
        assert (columns["gIoU"], columns["N-acc"]) == (iou, iou)


def test_a_perfect_answer_gets_every_maximum():
    columns = mask_columns(
        CODEC.encode(RIGHT), make_target(RIGHT, box=(0.1, 0.1, 0.6, 0.6)), scoring(BoundarySettings())
    )
    shares = [name for name in columns if "IoU" in name or "F@" in name or "Prec" in name or name == "vertex ratio"]
    assert len(shares) == 17
    assert {columns[name] for name in shares} == {1.0}
    assert columns["Hausdorff 95"] == columns["PoLiS"] == 0.0
