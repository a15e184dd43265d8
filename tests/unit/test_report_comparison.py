"""Comparisons behind a report's tables: paired differences, several seeds, and only like with like."""

import re

import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, compare, compare_seeds, comparison_table, evaluate
from polygon import Codec, UserError

CODEC = Codec()
SAMPLES = [Shapes().sample("val", index, "text2mask") for index in range(16)]


def answers(n_right):
    """Gold answers to the first `n_right` samples, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    return [Prediction(s.sample_id, text, 0, 10 + 2 * n_right) for s, text in zip(SAMPLES, texts, strict=True)]


def scores(n_right):
    return evaluate(answers(n_right), SAMPLES, CODEC)


def test_difference_is_paired_over_samples():
    row = compare(scores(4), scores(12)).tasks["text2mask"]["Acc@0.5"]
    assert (row.before.value, row.after.value, row.difference.value) == (0.25, 0.75, 0.5)
    assert row.before.se == pytest.approx(np.std([1] * 4 + [0] * 12, ddof=1) / 4)
    assert row.difference.se == pytest.approx(np.std([1] * 8 + [0] * 8, ddof=1) / 4)
    same = compare(scores(4), scores(4)).tasks["text2mask"]
    assert [(row.difference.value, row.difference.se) for row in same.rows[:3]] == [(0.0, 0.0)] * 3


def test_seeds_are_averaged_and_their_spread_counts():
    before = scores(4)
    comparison = compare_seeds([(before, scores(8)), (before, scores(12)), (before, scores(16))])
    gain = comparison.tasks["text2mask"]["Acc@0.5"].difference
    per_sample = np.array([0] * 4 + [1] * 4 + [2 / 3] * 4 + [1 / 3] * 4)
    assert gain.value == pytest.approx(0.5)
    assert gain.se == pytest.approx(np.hypot(per_sample.std(ddof=1) / 4, 0.25 / np.sqrt(3)))
    assert "mean of 3 seeds" in comparison_table({"greedy": comparison})


def test_table_has_a_line_per_metric_and_decoding():
    table = comparison_table({"greedy": compare(scores(4), scores(12)), "temperature 1": compare(scores(4), scores(4))})
    assert re.search(r"^Acc@0\.5 +0\.250 ± 0\.112 +0\.750 ± 0\.112 +\+0\.500 ± 0\.129 +\[\+", table, re.MULTILINE)
    assert re.search(r"^tokens +18\.0 ± 0\.0 +34\.0 ± 0\.0 +\+16\.0 ± 0\.0 +\[", table, re.MULTILINE)
    assert len(re.findall(r"^parse failures ", table, re.MULTILINE)) == 2


def test_only_like_is_compared_with_like():
    with pytest.raises(UserError, match="different samples"):
        compare(scores(4), evaluate(answers(4)[:8], SAMPLES[:8], CODEC))
    with pytest.raises(UserError, match="'decoding of polygons' is 'matched"):
        compare(scores(4), evaluate(answers(4), SAMPLES, Codec(decode="reference")))
