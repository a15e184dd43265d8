"""Each preset on cases small enough to work out by hand, from the formula that its original publishes.

The image has 8 x 8 px; a rectangle is (x0, y0, x1, y1) in px.  I and U are the pixels of intersection and union.

    simpleseg   I / U; 1 where U is 0; an unreadable answer 0
    lisa        I / U over the classes 0 and 1, where an object's outlines are summed: two outlines make a 2, which is
                in no class, so that an answer there is in U and never in I; `acc_iou[union == 0] += 1`
    text4seg    the same; Acc@0.5: box IoU > 0.5 of boxes from the first to the last pixel's index (no + 1) of masks
    polyformer  I / U of masks at 512 x 512, 0 where U is 0; the mask is where the sum of outlines is 1;
                Acc@0.5: I / (U + 1e-6) >= 0.5 of boxes in px, against the annotated one
    grefcoco    I / U; without a target 1 for an empty answer, else 0; Pr@t over samples with a target
"""

from fractions import Fraction

import numpy as np
import pytest

from data.sample import Sample
from evaluation import Prediction, evaluate
from evaluation.statistics.scores import estimate
from polygon import Codec, rle_encode
from tests.unit.test_conventions import PRESETS, preset

SIDE = 8
A, B = (0, 0, 4, 4), (2, 0, 6, 4)  # 16 px each, 8 of them common
OUTER, INNER = (0, 0, 6, 6), (2, 2, 4, 4)  # 36 and 4 px
THIRD, HALF, THIRDS, NINTHS = Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(8, 9)


def mask(*rectangles):
    mask_HW = np.zeros((SIDE, SIDE), bool)
    for x0, y0, x1, y1 in rectangles:
        mask_HW[y0:y1, x0:x1] = True
    return mask_HW


# outlines of the truth, answer (rectangles; a text where it is one), settings, (IoU, Acc@0.5) by preset in the order of
# PRESETS; one pair where all agree.
CASES = {
    # Nothing is there, nothing answered: 1 by convention, but 0.0 in compute_jf; two empty boxes have no IoU > 0.5.
    "empty, empty": ([], [], {}, [(1, 1), (1, 1), (1, 0), (0, 0), (1, 1)]),
    "a target, empty": ([A], [], {}, (0, 0)),
    "no target, answered": ([], [A], {}, (0, 0)),
    "perfect": ([A], [A], {}, (1, 1)),
    # I 8, U 24; boxes 4 x 4: 8 / 24; through centres 3 x 3 with 1 x 3 common: 3 / 15.
    "a third": ([A], [B], {}, (THIRD, 0)),
    # I 16, U 32. Boxes the same: 16 / 32 hits at >= 0.5, 16 / (32 + 1e-6) does not; through centres 9 / 21.
    "one half": ([A], [(0, 0, 4, 8)], {}, [(HALF, 1), (HALF, 1), (HALF, 0), (HALF, 0), (HALF, 1)]),
    # 24 px are covered, 8 of them twice: of 16 left all are answered, in a union of 24.
    "overlapping": ([A, B], [A, B], {}, [(1, 1), (THIRDS, 1), (THIRDS, 1), (THIRDS, 1), (1, 1)]),
    # 36 px are covered, 4 of them twice: I 32, U 36.
    "nested": ([OUTER, INNER], [OUTER], {}, [(1, 1), (NINTHS, 1), (NINTHS, 1), (NINTHS, 1), (1, 1)]),
    "the same outline twice": ([A, A], [A], {}, [(1, 1), (0, 1), (0, 1), (0, 1), (1, 1)]),
    # Nothing of the object is left, nothing is answered: U is 0, and there is still a box.
    "the same twice, empty": ([A, A], [], {}, [(0, 0), (1, 0), (1, 0), (0, 0), (0, 0)]),
    # The annotated box is twice as large as the mask's: 16 / 32; text4seg takes the mask's own.
    "box at the border": ([A], [A], {"box": (0, 0, 1, 0.5)}, [(1, 1), (1, 1), (1, 1), (1, 0), (1, 1)]),
    # Two pieces, as run lengths of a crowd region have: 32 px, half of them answered; boxes 4 x 8 and 4 x 4 or, through
    # centres, 3 x 7 and 3 x 3.
    "crowd": ([A, (0, 4, 4, 8)], [A], {}, [(HALF, 1), (HALF, 1), (HALF, 0), (HALF, 0), (HALF, 1)]),
    # The right half does not count, nor for the box around the answer.
    "ignored": ([A], [(0, 0, 8, 4)], {"ignored": (4, 0, 8, 4)}, (1, 1)),
    "unreadable": ([A], "no idea", {}, (0, 0)),
    # An empty mask where nothing is, except for simpleseg.
    "unreadable, no target": ([], "no idea", {}, [(0, 0), (1, 1), (1, 0), (0, 0), (1, 1)]),
}  # fmt: skip


def sample(outlines, settings) -> Sample:
    counts_HW = sum((mask(each).astype(int) for each in outlines), np.zeros((SIDE, SIDE), int))
    ys, xs = np.nonzero(counts_HW)
    box = (xs.min() / SIDE, ys.min() / SIDE, (xs.max() + 1) / SIDE, (ys.max() + 1) / SIDE) if outlines else None
    return Sample(
        sample_id="s",
        source="made",
        split="val",
        task="text2mask",
        image=np.zeros((SIDE, SIDE, 3), np.uint8),
        height=SIDE,
        width=SIDE,
        expression="it",
        prompt_region=None,
        rle=rle_encode(counts_HW > 0),
        box=settings.get("box", box),
        image_id="i",
        ann_id="a",
        twice=rle_encode(counts_HW > 1) if (counts_HW > 1).any() else None,
        ignored=rle_encode(mask(settings["ignored"])) if "ignored" in settings else None,
    )


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("case", CASES)
def test_by_hand(repo_root, case, name):
    outlines, answer, settings, expected = CASES[case]
    iou, hit = expected[PRESETS.index(name)] if isinstance(expected, list) else expected
    text = answer if isinstance(answer, str) else ""
    rle = None if isinstance(answer, str) else rle_encode(mask(*answer))
    predictions, samples = [Prediction("s", text, rle=rle)], [sample(outlines, settings)]
    scores = evaluate(predictions, samples, Codec(), conventions=preset(repo_root, name)).tasks["text2mask"]
    found = {key: estimate([scores], key).value for key in ("gIoU", "Acc@0.5")}
    assert found == {"gIoU": pytest.approx(float(iou)), "Acc@0.5": hit}


@pytest.mark.parametrize(
    ("name", "intersection_px", "union_px"),
    [
        # I: perfect 16, third 8, half 16, overlapping 24, nested 36, twice 16, border 16, crowd 16, ignored 16.
        # U: 16 + 16 (empty, answered), 16, 24, 32, 24, 36, 16, 16, 16, 32, 16, 16 (unreadable).
        ("simpleseg", 164, 276),
        ("grefcoco", 164, 276),
        # Less 8 of the overlap, 4 of the nested, 16 of the object that is there twice; the union where that is not
        # answered is 0 instead of 16.
        ("lisa", 136, 260),
        ("text4seg", 136, 260),
        ("polyformer", 136, 260),  # at 512 x 512 all areas are 4,096 times as large
    ],
)
def test_ciou_sums_pixels(repo_root, name, intersection_px, union_px):
    samples, predictions = [], []
    for number, (outlines, answer, settings, _) in enumerate(CASES.values()):
        made = sample(outlines, settings)
        samples.append(Sample(**{**vars(made), "sample_id": f"s{number}", "image_id": f"i{number}"}))
        text = answer if isinstance(answer, str) else ""
        rle = None if isinstance(answer, str) else rle_encode(mask(*answer))
        predictions.append(Prediction(f"s{number}", text, rle=rle))
    scores = evaluate(predictions, samples, Codec(), conventions=preset(repo_root, name)).tasks["text2mask"]
    assert estimate([scores], "cIoU").value == pytest.approx(intersection_px / union_px)
