"""Presets against the formulas of the codes they are named for, written out again here; and what is no convention."""

import math

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

import evaluation.conventions
from data.sample import Sample
from evaluation import Prediction, evaluate
from evaluation.conventions import Conventions
from evaluation.measures.acc_box import box_hit
from evaluation.measures.evaluators import Scoring, mask_columns
from evaluation.statistics.scores import estimate
from polygon import Box, Codec, Mask, Target, UserError, mask_box, parse, rle_encode

CODEC = Codec()
HEIGHT, WIDTH = 48, 64
PRESETS = ("simpleseg", "lisa", "text4seg", "polyformer", "grefcoco")


def discs(rng):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(x - rng.uniform(15, 50), y - rng.uniform(12, 36)) <= rng.uniform(6, 15)


def build(n=60, seed=3):
    """(samples, predictions, (true mask, answered text) of each): a third odd, no-target and unreadable among them."""
    rng = np.random.default_rng(seed)
    samples, predictions, pairs = [], [], []
    for index in range(n):
        truth_HW = discs(rng)
        answered_HW = np.roll(truth_HW, rng.integers(-6, 7, 2), axis=(0, 1))
        texts = [CODEC.text(answered_HW)] * 6 + [
            "[]",
            "no idea",
            f"{CODEC.text(answered_HW)} or {CODEC.text(discs(rng))}",
        ]
        text = texts[rng.integers(len(texts))]
        if index % 7 == 0:
            truth_HW = truth_HW & False
            text = "[]" if index % 2 else text
        box = mask_box(truth_HW)
        samples.append(
            Sample(
                sample_id=f"s{index}",
                source="made",
                split="val",
                task="text2mask",
                image=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
                height=HEIGHT,
                width=WIDTH,
                expression="a disc",
                prompt_region=None,
                rle=rle_encode(truth_HW),
                box=None if box is None else (box.x0, box.y0, min(1.0, box.x1 + 0.05), box.y1),
                image_id=f"image {index // 4}",
                ann_id=f"object {index // 2}",
            )
        )
        predictions.append(Prediction(f"s{index}", text))
        pairs.append((truth_HW, text))
    return samples, predictions, pairs


def read(text, answers):
    return parse(text, "mask", answers).region


def painted(region, height=HEIGHT, width=WIDTH):
    return CODEC.rasterise(region if isinstance(region, Mask) else Mask(), height, width)


def preset(repo_root, name):
    with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
        return Conventions.from_config(compose("evaluate", [f"conventions={name}"]).conventions)


def metrics(samples, predictions, conventions, *names):
    scores = evaluate(predictions, samples, CODEC, conventions=conventions)
    return [estimate([scores.tasks["text2mask"]], name).value for name in names]


def intersection_and_union(output, target, classes):
    """LISA's and Text4Seg's intersectionAndUnionGPU, in numpy."""
    edges = np.arange(classes + 1)
    area_intersection = np.histogram(output[output == target], edges)[0]
    area_union = np.histogram(output, edges)[0] + np.histogram(target, edges)[0] - area_intersection
    return area_intersection, area_union


@pytest.mark.parametrize("name", ["lisa", "text4seg"])
def test_lisas_loop_over_images(repo_root, name):
    samples, predictions, pairs = build()
    intersections, unions, total, count = np.zeros(2), np.zeros(2), np.zeros(2), 0
    for start in range(0, len(pairs), 4):  # one image
        acc_iou = np.zeros(2)
        image = pairs[start : start + 4]
        for truth_HW, text in image:
            output = painted(read(text, "first")).astype(int)
            intersection_i, union_i = intersection_and_union(output, truth_HW.astype(int), 2)
            intersections, unions = intersections + intersection_i, unions + union_i
            acc_iou = acc_iou + intersection_i / (union_i + 1e-5)
            acc_iou[union_i == 0] += 1.0
        total, count = total + acc_iou / len(image) * len(image), count + len(image)
    giou, ciou = metrics(samples, predictions, preset(repo_root, name), "gIoU", "cIoU")
    assert giou == pytest.approx(total[1] / count, abs=1e-6)
    assert ciou == pytest.approx(intersections[1] / (unions[1] + 1e-10), abs=1e-9)


def test_text4segs_boxes(repo_root):
    samples, predictions, pairs = build()
    with_target = [i for i, (truth_HW, _) in enumerate(pairs) if truth_HW.any()]
    hits = 0
    for truth_HW, text in (pairs[i] for i in with_target):
        boxes = []
        for mask_HW in (painted(read(text, "first")), truth_HW):
            rows, columns = np.nonzero(mask_HW)
            boxes.append((columns.min(), rows.min(), columns.max(), rows.max()) if len(rows) else (1e8, 1e8, 0, 0))
        (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
        overlap = max(0, min(ax1, bx1) - max(ax0, bx0)) * max(0, min(ay1, by1) - max(ay0, by0))
        hits += overlap / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - overlap) > 0.5
    chosen = [[rows[i] for i in with_target] for rows in (samples, predictions)]
    assert metrics(*chosen, preset(repo_root, "text4seg"), "Acc@0.5") == [pytest.approx(hits / len(with_target))]


def test_polyformers_resized_masks(repo_root):
    samples, predictions, pairs = build()
    ious, cum_i, cum_u = [], 0, 0
    for truth_HW, text in pairs:
        gt_mask = cv2.resize(truth_HW.astype(np.uint8), [512, 512], interpolation=cv2.INTER_NEAREST)
        pred_mask = painted(read(text, "all"), 512, 512)
        i, u = np.sum(np.logical_and(pred_mask, gt_mask)), np.sum(np.logical_or(pred_mask, gt_mask))
        ious.append(0.0 if u == 0 else i / u)
        cum_i, cum_u = cum_i + i, cum_u + u
    found = metrics(samples, predictions, preset(repo_root, "polyformer"), "gIoU", "cIoU", "Prec@0.5", "Prec@0.9")
    assert found == pytest.approx([np.mean(ious), cum_i / cum_u, *(np.mean(np.array(ious) >= t) for t in (0.5, 0.9))])


def test_simplesegs_union_of_all_polygons(repo_root):
    """gIoU and cIoU once more, from confusion counts: TP / (TP + FP + FN)."""
    samples, predictions, pairs = build()
    counts = []
    for truth_HW, text in pairs:
        region = read(text, "all")
        table = np.bincount(2 * painted(region).ravel() + truth_HW.ravel(), minlength=4)
        counts.append((table[3], table[1:].sum(), region is not None))
    ious = [(tp / some if some else 1.0) if readable else 0.0 for tp, some, readable in counts]
    giou, ciou = metrics(samples, predictions, preset(repo_root, "simpleseg"), "gIoU", "cIoU")
    assert giou == pytest.approx(np.mean(ious), abs=1e-12)
    assert ciou == pytest.approx(sum(tp for tp, _, _ in counts) / sum(some for _, some, _ in counts), abs=1e-12)


def test_n_acc_and_t_acc_as_gres_counts_them():
    """TP, TN, FP, FN of "no target" (ReLA, gres_model/evaluation/refer_evaluation.py), unreadable answers apart."""
    samples, predictions, pairs = build()
    readable = [i for i, (_, text) in enumerate(pairs) if read(text, "all") is not None]
    nt = {"TP": 0, "TN": 0, "FP": 0, "FN": 0}
    for truth_HW, text in (pairs[i] for i in readable):
        pred_nt = not painted(read(text, "all")).any()
        nt[("FN", "TP")[pred_nt] if not truth_HW.any() else ("TN", "FP")[pred_nt]] += 1
    assert min(nt.values()) > 0
    chosen = [[rows[i] for i in readable] for rows in (samples, predictions)]
    found = metrics(*chosen, Conventions(), "N-acc", "T-acc")
    assert found == pytest.approx([nt["TP"] / (nt["TP"] + nt["FN"]), nt["TN"] / (nt["TN"] + nt["FP"])])


def test_several_expressions_an_object():
    samples, predictions, _ = build()
    scores = evaluate(predictions, samples, CODEC)
    iou = scores.tasks["text2mask"].columns["gIoU"]
    by = {"expressions": iou, "objects": iou.reshape(-1, 2).mean(axis=1), "images": iou.reshape(-1, 4).mean(axis=1)}
    for unit, means in by.items():
        task = evaluate(predictions, samples, CODEC, conventions=Conventions(mean_over=unit)).tasks["text2mask"]
        measured = estimate([task], "gIoU")
        assert (measured.value, measured.n) == (pytest.approx(means.mean()), len(means))
    some = [0, 1, 2]  # one object has two expressions, the other one
    task = evaluate(
        [predictions[i] for i in some], [samples[i] for i in some], CODEC, conventions=Conventions(mean_over="objects")
    )
    assert estimate([task.tasks["text2mask"]], "gIoU").value == pytest.approx((iou[:2].mean() + iou[2]) / 2)


def test_the_documented_table_is_that_of_the_presets(repo_root):
    indented = [line.split() for line in evaluation.conventions.__doc__.splitlines() if line.startswith("    ")]
    header, *rows = indented[2:]  # behind the two commands
    assert tuple(header) == PRESETS
    active = [preset(repo_root, name).settings() for name in PRESETS]
    settings = [name for name in active[0] if name != "name"]
    assert rows == [[name, *(str(each[name]).replace("None", "null") for each in active)] for name in settings]


def test_every_preset_says_what_it_does(repo_root):
    assert preset(repo_root, "simpleseg") == Conventions()
    words = {name: preset(repo_root, name).in_words() for name in PRESETS}
    assert [words[name]["conventions"] for name in PRESETS] == list(PRESETS)
    assert len({tuple(each.items()) for each in words.values()}) == len(PRESETS)
    assert "512 x 512" in words["polyformer"]["compared"]
    assert "IoU > t" in words["text4seg"]["Prec@t, Acc@0.5"]
    assert "fewer than 50 px" in Conventions(empty_below_px=50).in_words()["empty union"]


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"union": 1}, "conventions has no setting 'union': it has name, empty_union"),
        ({"acc_box": "truth"}, "conventions.acc_box is 'truth'; it can be annotated or mask"),
        ({"parse_failure": None}, "conventions.parse_failure is None; it can be zero or empty"),
        ({"empty_union": 0.5}, r"conventions.empty_union is 0.5; it can be 1.0 or 0.0"),
        ({"side_px": 0}, "conventions.side_px is 0; give a whole number from 1"),
        ({"empty_below_px": None}, "conventions.empty_below_px is None; give a whole number from 0"),
    ],
)
def test_what_is_no_convention_is_named(config, fault):
    with pytest.raises(UserError, match=fault):
        Conventions.from_config(config)


def test_two_empty_boxes_are_a_hit_or_a_miss_by_convention(repo_root):
    nothing = Target("mask", "text2mask", 40, 60, rle_encode(np.zeros((40, 60), bool)), None)
    found = {name: box_hit(None, nothing, preset(repo_root, name)) for name in PRESETS[:4]}
    assert found == {"simpleseg": 1.0, "lisa": 1.0, "text4seg": 0.0, "polyformer": 0.0}


def test_polyformer_adds_to_the_union_of_boxes(repo_root):
    """Boxes of 16 x 16 and 16 x 32 px: 256 / 512 is a half, 256 / (512 + 1e-6) is less."""
    truth = Target("box", "text2box", 64, 64, None, (0.0, 0.0, 0.25, 0.5))
    half = Box(0.0, 0.0, 0.25, 0.25)
    assert box_hit(half, truth, preset(repo_root, "simpleseg")) == 1.0
    assert box_hit(half, truth, preset(repo_root, "polyformer")) == 0.0


def test_precision_of_grefcoco_is_over_samples_with_a_target(repo_root):
    mask_HW = np.zeros((40, 60), bool)
    mask_HW[:10, :10] = True
    there = Target("mask", "text2mask", 40, 60, rle_encode(mask_HW), (0.0, 0.0, 10 / 60, 10 / 40))
    nothing = Target("mask", "text2mask", 40, 60, rle_encode(np.zeros((40, 60), bool)), None)
    scoring = Scoring(codec=Codec(), conventions=preset(repo_root, "grefcoco"), boundary=None)
    right, silent, false_alarm, missed = (
        mask_columns(answered, target, scoring)
        for answered, target in ((mask_HW, there), (Mask(), nothing), (mask_HW, nothing), (Mask(), there))
    )
    assert (right["Prec@0.5"], right["gIoU"], right["T-acc"]) == (1.0, 1.0, 1.0)
    assert math.isnan(silent["Prec@0.5"]) and (silent["gIoU"], silent["N-acc"], silent["union_px"]) == (1.0, 1.0, 0.0)
    assert math.isnan(false_alarm["Prec@0.5"])
    assert (false_alarm["gIoU"], false_alarm["N-acc"], false_alarm["union_px"]) == (0.0, 0.0, 100.0)
    assert (missed["Prec@0.5"], missed["gIoU"], missed["T-acc"], missed["union_px"]) == (0.0, 0.0, 0.0, 100.0)
