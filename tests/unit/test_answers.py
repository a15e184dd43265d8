"""What is said about answers themselves: causes, rings that cross, repeat or break off."""

import math

import numpy as np
import pytest

from evaluation.conventions import Conventions
from evaluation.measures.answers import FAILURE_COLUMNS, answer_columns, read_answer
from evaluation.prediction import Prediction, prediction_of
from polygon import Codec, UserError, rle_encode

SQUARE = "[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]"
HOLE = "[[0.3, 0.3], [0.3, 0.6], [0.6, 0.6], [0.6, 0.3]]"
RINGS = ("vertices", "parts", "holes", "self-intersections", "repeated rings", "repeated vertices")


def columns_of(text, kind="mask", **facts):
    prediction = Prediction("a", text, **facts)
    return answer_columns(prediction, read_answer(prediction, kind, Conventions(), Codec()), kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"[{SQUARE}]", (4, 1, 0, 0, 0, 0)),
        (f"[{SQUARE}, {HOLE}]", (8, 1, 1, 0, 0, 0)),
        (f"[{SQUARE}, {SQUARE}, {SQUARE}]", (12, 3, 0, 0, 2, 0)),
        ("[[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]]", (4, 1, 0, 1, 0, 0)),  # a bow tie
        ("[[[0.1, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.1]]]", (4, 1, 0, 0, 0, 2)),
        ("[]", (0, 0, 0, 0, 0, 0)),
    ],
)
def test_rings_are_counted(text, expected):
    columns = columns_of(text)
    assert [columns[name] for name in RINGS] == list(expected)


def test_causes_exclude_each_other():
    texts = {
        "empty": " ",
        "no_answer": "no",
        "wrong_kind": "[0.1, 0.2]",
        "too_few_vertices": "[[[0.1, 0.2], [0.3, 0.4]]]",
    }
    for cause, text in texts.items():
        columns = columns_of(text)
        assert [name for name in FAILURE_COLUMNS.values() if columns[name]] == [f"parse failures: {cause}"]
        assert columns["parse failures"] == 1.0
        assert all(math.isnan(columns[name]) for name in RINGS)
    missing = answer_columns(None, None, "mask")
    assert missing["parse failures: missing"] == missing["parse failures"] == 1.0
    assert math.isnan(missing["breaks off"])


def test_truncation_and_length():
    whole, cut = (
        columns_of(f"[{SQUARE}]", tokens=9, finish="stop"),
        columns_of(f"[{SQUARE}, [[0.2, 0.", finish="length"),
    )
    assert (whole["breaks off"], cut["breaks off"]) == (0.0, 1.0)
    assert (whole["cut at the token limit"], cut["cut at the token limit"]) == (0.0, 1.0)
    assert (whole["tokens"], whole["strictly formatted"], cut["strictly formatted"]) == (9.0, 1.0, 0.0)
    assert math.isnan(cut["tokens"])
    assert math.isnan(columns_of("[]")["cut at the token limit"])
    assert columns_of(f"[{SQUARE}] or [{HOLE}]")["answers a text"] == 2.0


def test_a_mask_as_run_lengths_has_no_text():
    prediction = Prediction("a", rle=rle_encode(np.eye(5, dtype=bool)))
    columns = answer_columns(prediction, read_answer(prediction, "mask", Conventions(), Codec()), "mask")
    assert columns["parse failures"] == 0.0
    assert all(math.isnan(columns[name]) for name in (*RINGS, "breaks off", "answers a text"))


def test_other_kinds_have_no_rings():
    assert not columns_of("[0.1, 0.2]", "point").keys() & set(RINGS)


def test_crossing_is_symmetric_and_exact():
    rng = np.random.default_rng(5)
    for _ in range(50):
        ring_N2 = rng.integers(0, 6, (rng.integers(3, 8), 2)) / 10
        expected = brute_force(np.rint(ring_N2 * 10).astype(int).tolist())
        for turned in (ring_N2, ring_N2[::-1], np.roll(ring_N2, 1, axis=0)):
            assert self_intersections(turned) == expected
    there_and_back = np.array([[0.1, 0.1], [0.5, 0.1], [0.9, 0.1], [0.5, 0.1]])
    assert not self_intersections(there_and_back)


def self_intersections(ring_N2):
    return columns_of(f"[{ring_N2.tolist()}]")["self-intersections"]


def brute_force(ring):
    """Every pair of edges, solved for the point they share, in whole numbers."""
    edges = list(zip(ring, ring[1:] + ring[:1], strict=True))
    for i, (a, b) in enumerate(edges):
        for c, d in edges[:i]:
            r, s, q = [b[k] - a[k] for k in (0, 1)], [d[k] - c[k] for k in (0, 1)], [c[k] - a[k] for k in (0, 1)]
            cross = r[0] * s[1] - r[1] * s[0]
            t, u = q[0] * s[1] - q[1] * s[0], q[0] * r[1] - q[1] * r[0]
            if cross and 0 < t / cross < 1 and 0 < u / cross < 1:
                return True
    return False


def test_gold_answers_do_not_cross_themselves():
    y, x = np.mgrid[:80, :100]
    disc_HW = np.hypot(x - 50, y - 40) < 30
    assert columns_of(Codec().text(disc_HW))["self-intersections"] == 0


def test_the_form_of_a_rewritten_answer_says_nothing():
    text = "[[[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]]"
    answer = Codec().parse(text, "mask")
    ours = answer_columns(Prediction("s", text), answer, "mask")
    theirs = answer_columns(Prediction("s", text, is_rewritten=True), answer, "mask")
    assert ours["strictly formatted"] == 1.0 and math.isnan(theirs["strictly formatted"])
    with pytest.raises(UserError, match="unknown key 'is_rewritten'"):
        prediction_of({"sample_id": "s", "text": text, "is_rewritten": True}, "line 1")
