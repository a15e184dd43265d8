"""Before against after: paired differences, several seeds, p-values, and what must not be compared."""

import math
import re

import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, compare, compare_seeds, comparison_table, evaluate
from evaluation.conventions import Conventions
from evaluation.measures.boundary import BoundarySettings
from polygon import Codec, UserError

CODEC = Codec()
SAMPLES = [Shapes().sample("val", index, "text2mask") for index in range(16)]


def answers(n_right):
    """Gold answers to the first `n_right` samples, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    return [Prediction(s.sample_id, text, 0, 10 + 2 * n_right) for s, text in zip(SAMPLES, texts, strict=True)]


def scores(n_right, **settings):
    return evaluate(answers(n_right), SAMPLES, CODEC, **settings)


def test_difference_is_paired_over_samples():
    row = compare(scores(4), scores(12)).tasks["text2mask"]["Acc@0.5"]
    assert (row.before.value, row.after.value, row.difference.value) == (0.25, 0.75, 0.5)
    assert row.before.se == pytest.approx(np.std([1] * 4 + [0] * 12, ddof=1) / 4)
    assert row.difference.se == pytest.approx(np.std([1] * 8 + [0] * 8, ddof=1) / 4)
    assert row.difference.low < 0.5 < row.difference.high
    assert row.p == pytest.approx(2 / 2**8, abs=0.003)  # eight images changed, all one way
    same = compare(scores(4), scores(4)).tasks["text2mask"]
    assert [(row.difference.value, row.difference.se, row.p) for row in same.rows[:3]] == [(0.0, 0.0, 1.0)] * 3


def test_only_answers_that_both_sides_measured_are_paired():
    unreadable = answers(16)
    unreadable[0] = Prediction(SAMPLES[0].sample_id, "?", tokens=None)
    row = compare(scores(16), evaluate(unreadable, SAMPLES, CODEC)).tasks["text2mask"]["tokens"]
    assert (row.before.n, row.after.n, row.difference.n, row.difference.value) == (16, 15, 15, 0.0)


def test_seeds_are_averaged_and_their_spread_counts():
    before = scores(4)
    comparison = compare_seeds([(before, scores(8)), (before, scores(12)), (before, scores(16))])
    row = comparison.tasks["text2mask"]["Acc@0.5"]
    per_sample = np.array([0] * 4 + [1] * 4 + [2 / 3] * 4 + [1 / 3] * 4)
    assert row.difference.value == pytest.approx(0.5)
    assert row.difference.se == pytest.approx(np.hypot(per_sample.std(ddof=1) / 4, 0.25 / np.sqrt(3)))
    assert row.difference.high == pytest.approx(0.5 + 1.96 * row.difference.se)
    assert math.isnan(row.p)  # it would know of images alone, not of seeds
    table = comparison_table({"greedy": comparison})
    assert "greedy, text2mask, 16 samples, mean of 3 seeds, simpleseg" in table


def test_outlines_are_compared_where_they_were_scored():
    before, after = (scores(n, boundary=BoundarySettings()) for n in (4, 12))
    rows = compare(before, after).tasks["text2mask"].rows
    assert [row.metric for row in rows[-3:]] == ["Boundary IoU", "Hausdorff 95", "PoLiS"]
    assert rows[-1].difference.value == pytest.approx(-0.5 * 128 * math.sqrt(2), rel=0.01)


def test_table_has_the_conventions_and_a_line_per_metric_and_decoding():
    comparisons = {"greedy": compare(scores(4), scores(12)), "temperature 1": compare(scores(4), scores(4))}
    table = comparison_table(comparisons)
    gain = r"\+0\.500 ± 0\.129  \[\+0\.\d{3}, \+0\.\d{3}\]  0\.0\d{3}"
    assert re.search(rf"^Acc@0\.5 +0\.250 ± 0\.112 +0\.750 ± 0\.112 +{gain}$", table, re.MULTILINE)
    assert re.search(r"^tokens +18\.0 ± 0\.0 +34\.0 ± 0\.0 +\+16\.0 ± 0\.0 ", table, re.MULTILINE)
    assert len(re.findall(r"^parse failures ", table, re.MULTILINE)) == 2
    for words in scores(4).conventions.values():
        assert table.count(words) >= 1


def test_only_like_is_compared_with_like():
    with pytest.raises(UserError, match="different samples"):
        compare(scores(4), evaluate(answers(4)[:8], SAMPLES[:8], CODEC))
    with pytest.raises(UserError, match="'decoding of polygons' is 'matched"):
        compare(scores(4), evaluate(answers(4), SAMPLES, Codec(decode="reference")))
    with pytest.raises(UserError, match="'mean over' is 'expressions"):
        compare(scores(4), scores(4, conventions=Conventions(mean_over="images")))


def test_json_is_plain():
    row = compare(scores(4), scores(12)).to_json()["text2mask"]["gIoU"]
    assert row.keys() == {"before", "after", "difference", "p"}
    assert row["difference"]["n"] == 16
    assert compare(scores(4), scores(4)).to_json()["text2mask"]["parse failures"]["p"] == 1.0
