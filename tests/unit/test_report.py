"""Comparisons and the report page: paired differences, several seeds, a page that is whole, offline and not fooled."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import (
    Prediction,
    compare,
    compare_seeds,
    comparison_table,
    evaluate,
    gallery,
    read_curves,
    write_report,
)
from polygon import Codec, UserError

CODEC = Codec()
SAMPLES = [Shapes().sample("val", index, "text2mask") for index in range(16)]
HOSTILE = '</code><script>alert(1)</script><img src="https://evil.example/x.png" onerror=alert(1)>&"\' \ud800\x00'


def answers(n_right, draw=0):
    """Gold answers to the first `n_right` samples, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    return [Prediction(s.sample_id, text, draw, 10 + 2 * n_right) for s, text in zip(SAMPLES, texts, strict=True)]


def scores(n_right):
    return evaluate(answers(n_right), SAMPLES, CODEC)


class Page(HTMLParser):
    """Every element with its attributes, the visible text, and an assertion that tags nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    log = tmp_path / "metrics.jsonl"
    rows = [
        {"step": step, "data": {"reward/iou": step / 10, "actor/<b>": 1.0, "note": "text", "bad": float("nan")}}
        for step in range(4)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    after = answers(8)
    after[0] = Prediction(SAMPLES[0].sample_id, HOSTILE)
    before = scores(4)
    write_report(
        tmp_path / "out" / "report.html",
        title="<script>title</script>",
        facts={"dataset": HOSTILE},
        conventions=before.conventions,
        comparisons={
            "greedy": compare(before, evaluate(after, SAMPLES, CODEC)),
            "temperature 1": compare(before, before),
        },
        curves={"seed <1>": read_curves(log), "seed 2": read_curves(log)},
        examples=gallery(SAMPLES, {"before": answers(4), "after": after}, CODEC, count=len(SAMPLES)),
    )
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["report.html"]
    return (tmp_path / "out" / "report.html").read_bytes().decode("utf-8")


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
    assert re.search(r"^Acc@0\.5 +0\.250 ± 0\.112 +0\.750 ± 0\.112 +\+0\.500 ± 0\.129$", table, re.MULTILINE)
    assert re.search(r"^tokens +18\.0 ± 0\.0 +34\.0 ± 0\.0 +\+16\.0 ± 0\.0$", table, re.MULTILINE)
    assert len(re.findall(r"^parse failures ", table, re.MULTILINE)) == 2


def test_only_like_is_compared_with_like():
    with pytest.raises(UserError, match="different samples"):
        compare(scores(4), evaluate(answers(4)[:8], SAMPLES[:8], CODEC))
    with pytest.raises(UserError, match="'decoding of polygons' is 'matched"):
        compare(scores(4), evaluate(answers(4), SAMPLES, Codec(decode="reference")))


def test_page_needs_nothing_but_itself(page):
    tags = {tag for tag, _ in Page(page).elements}
    assert tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base", "form"})
    for tag, attributes in Page(page).elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "action", "style"):
                assert re.match(r"data:image/png;base64,|#image-\d+$", value), (tag, name, value)
    assert re.search(r"url\(|@import|https?:", re.sub(r"(?s)<main>.*", "", page)) is None
    policy = next(attributes["content"] for _, attributes in Page(page).elements if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none';")


def test_hostile_text_is_shown_not_run(page):
    text = Page(page).text
    assert text.count("<script>alert(1)</script>") == 2  # the facts and one answer
    assert "actor/<b>" in text
    assert "seed <1>" in text
    assert "<script>" not in page


def test_page_has_tables_curves_and_an_overlay_per_sample(page):
    tags = [tag for tag, _ in Page(page).elements]
    assert tags.count("table") == 2
    assert tags.count("polyline") == 4  # two metrics that are numbers, two runs
    assert tags.count("article") == tags.count("image") == len(SAMPLES)
    assert tags.count("use") == 2 * len(SAMPLES)
    assert len(re.findall(r"before: IoU (0\.9\d|1\.00)<", page)) == 4
    assert "after: IoU 0.00, no_answer<" in page


def test_gallery_is_a_random_but_fixed_choice():
    chosen = [
        [e.sample_id for e in gallery(SAMPLES, {"a": answers(4)}, CODEC, count=5, seed=seed)] for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 5


def test_a_bad_log_line_is_named(tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "data": {}}\n{"step": 2, "da')
    with pytest.raises(UserError, match=r"metrics\.jsonl:2: not a row of metrics"):
        read_curves(log)
    with pytest.raises(UserError, match="no metrics log"):
        read_curves(tmp_path / "none.jsonl")
