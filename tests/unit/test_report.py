"""The report page: whole, offline, not fooled by hostile text, of bounded size, right in what it says of a sample."""

import base64
import hashlib
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
    comparison_tables,
    evaluate,
    gallery,
    read_curves,
    report_rows,
    write_report,
)
from polygon import Codec, UserError

CODEC = Codec()
TASKS = ("text2mask", "text2mask", "text2box", "text2point")
SAMPLES = [Shapes().sample("val", index, TASKS[index % 4]) for index in range(16)]
HOSTILE = (
    '</code></script><script>alert(1)</script><img src="https://evil.example/x.png" onerror=alert(1)>&"\' \ud800\x00'
)


def answers(n_right, draw=0):
    """Gold answers to the first `n_right` samples, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    return [Prediction(s.sample_id, text, draw, 10) for s, text in zip(SAMPLES, texts, strict=True)]


def rows_of(*runs, **options):
    scored = {str(number): evaluate(run, SAMPLES, CODEC).results() for number, run in enumerate(runs)}
    return report_rows(scored, **options)


class Page(HTMLParser):
    """Every element with its attributes, the visible text, and an assertion that tags nest."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.text, self.scripts = [], [], "", []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data


@pytest.fixture
def page(tmp_path):
    log = tmp_path / "metrics.jsonl"
    rows = [
        {"step": step, "data": {"reward/iou": step / 10, "actor/<b>": 1.0, "note": "text", "bad": float("nan")}}
        for step in range(4)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before, after = answers(4), answers(8)
    after[0] = Prediction(SAMPLES[0].sample_id, HOSTILE)
    scored = evaluate(before, SAMPLES, CODEC), evaluate(after, SAMPLES, CODEC)
    rows = rows_of(before, after)
    write_report(
        tmp_path / "out" / "report.html",
        title="<script>title</script>",
        facts={"dataset": HOSTILE},
        conventions=scored[0].conventions,
        tables=comparison_tables({"greedy <b>": compare(*scored)}),
        group_tables=[(["by <i>", "samples"], [[HOSTILE, "3"]])],
        runs=("before", HOSTILE),
        rows=rows,
        examples=gallery(rows, SAMPLES, {"before": before, HOSTILE: after}, codec=CODEC),
        curves={"seed <1>": read_curves(log), "seed 2": read_curves(log)},
    )
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["report.html"]
    return (tmp_path / "out" / "report.html").read_bytes().decode("utf-8")


def data_of(page):
    return json.loads(Page(page).scripts[0])


def test_page_needs_nothing_but_itself(page):
    elements = Page(page).elements
    assert {tag for tag, _ in elements}.isdisjoint({"link", "iframe", "object", "embed", "base", "form", "img"})
    for tag, attributes in elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "srcset", "action", "style"):
                assert re.match(r"#\w+$", value), (tag, name, value)
    style = page[page.index("<style>") : page.index("</style>")]
    assert re.search(r"url\(|@import|https?:", style) is None


def test_policy_lets_run_the_pages_own_script_alone(page):
    parsed = Page(page)
    policy = next(attributes["content"] for _, attributes in parsed.elements if "http-equiv" in attributes)
    assert [dict(attributes) for tag, attributes in parsed.elements if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]
    digest = base64.b64encode(hashlib.sha256(parsed.scripts[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|fetch\(|http:(?!//www\.w3\.org/2000/svg)",
        parsed.scripts[1],
    )


def test_hostile_text_is_shown_not_run(page):
    parsed = Page(page)
    assert parsed.text.count("<script>alert(1)</script>") == 2  # the facts and the group table
    assert "actor/<b>" in parsed.text
    assert "seed <1>" in parsed.text
    assert "greedy <b>" in parsed.text
    assert page.count("<script") == 2
    data = json.loads(parsed.scripts[0])
    assert data["runs"] == ["before", HOSTILE]
    example = next(example for example in data["examples"] if example["id"] == SAMPLES[0].sample_id)
    assert example["answers"][1]["text"] == HOSTILE


def test_page_has_tables_and_curves(page):
    tags = [tag for tag, _ in Page(page).elements]
    assert tags.count("table") == 3 + 1  # a table a task, and the one by group
    assert tags.count("polyline") == 4  # two metrics that are numbers, two runs
    assert "Acc@0.5" in page


def test_data_has_a_row_for_every_sample(page):
    data = data_of(page)
    rows = rows_of(answers(4), answers(8))
    assert len(data["image"]) == len(SAMPLES)
    assert data["score"][0] == [pytest.approx(row.runs[0].score, abs=1e-4) for row in rows]
    task = next(part for part in data["slices"] if part["name"] == "task")
    assert [task["values"][index] for index in task["index"]] == [row.groups["task"] for row in rows]
    assert {example["row"] for example in data["examples"]} == set(range(len(SAMPLES)))
    for example in data["examples"]:
        assert data["photos"][example["photo"]].startswith("data:image/jpeg;base64,")


def test_shapes_are_in_pixels_of_the_sample(page):
    data = data_of(page)
    example = next(example for example in data["examples"] if example["id"] == SAMPLES[1].sample_id)
    ring = np.array(example["answers"][0]["shape"]["rings"][0]).reshape(-1, 2)
    region = answer_region(SAMPLES[1], CODEC).polygons[0] * (SAMPLES[1].width, SAMPLES[1].height)
    assert ring == pytest.approx(np.round(region, 3), abs=0.11)
    kinds = {example["id"]: list(example["truth"]) for example in data["examples"]}
    assert kinds[SAMPLES[2].sample_id] == ["box"]
    assert kinds[SAMPLES[3].sample_id] == ["rings"]  # where a point may lie


def test_a_report_without_rows_has_neither_explorer_nor_script(tmp_path):
    conventions = {"gIoU": "mean of IoU"}
    write_report(tmp_path / "a.html", title="t", facts={}, conventions=conventions, tables=[(["c", "v"], [["m", "1"]])])
    page = Page((tmp_path / "a.html").read_text())
    assert "Gallery" not in page.text
    assert not any(script.strip() for script in page.scripts)


def test_a_bad_log_line_is_named(tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "data": {}}\n{"step": 2, "da')
    with pytest.raises(UserError, match=r"metrics\.jsonl:2: not a row of metrics"):
        read_curves(log)
    with pytest.raises(UserError, match="no metrics log"):
        read_curves(tmp_path / "none.jsonl")
