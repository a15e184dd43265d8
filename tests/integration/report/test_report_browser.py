"""The report in headless Chromium, used as a reader would: filter, sort, open, step, close, by mouse and by keyboard.

Skipped where there is no Chromium (conftest.py).
"""

import json
from pathlib import Path

import pytest

from data import Shapes
from data.answer import answer_region
from evaluation import Prediction, compare, comparison_tables, evaluate, gallery, report_rows, write_report
from polygon import Codec

CODEC = Codec()
TASKS = ("text2mask", "text2mask", "text2box", "text2point")
SAMPLES = [Shapes().sample("val", index, TASKS[index % 4]) for index in range(60)]
HOSTILE = '</script><script>window.hacked = 1</script><img src="x" onerror="window.hacked = 1">'


def answers(n_right: int) -> list[Prediction]:
    """Gold answers to the first `n_right`, hostile text to the next, an empty mask to the others."""
    texts = [CODEC.format(answer_region(s, CODEC)) if i < n_right else "[]" for i, s in enumerate(SAMPLES)]
    texts[n_right] = HOSTILE
    return [Prediction(s.sample_id, text) for s, text in zip(SAMPLES, texts, strict=True)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    before, after = answers(20), answers(40)
    scored = {"before": evaluate(before, SAMPLES, CODEC), HOSTILE: evaluate(after, SAMPLES, CODEC)}
    tables = comparison_tables({HOSTILE: compare(*scored.values())})
    for name, labels in {"one": ["before"], "two": ["before", HOSTILE]}.items():
        rows = report_rows({label: scored[label].results() for label in labels})
        write_report(
            folder / f"{name}.html",
            title=f"{HOSTILE} {name}",
            facts={"dataset": HOSTILE},
            conventions=scored["before"].conventions,
            tables=tables,
            runs=labels,
            rows=rows,
            examples=gallery(rows, SAMPLES, dict(zip(labels, (before, after), strict=False)), codec=CODEC),
        )
    return {path.stem: path for path in folder.iterdir()}


def is_open(browser) -> bool:
    return browser.run("document.getElementById('viewer').open")


def position(browser) -> str:
    return browser.text("#viewer-position")


@pytest.mark.parametrize("name", ["one", "two"])
def test_filters_reach_every_view(browser, pages, name):
    browser.open(pages[name], 1280, 900)
    assert browser.text("#summary").startswith("all 60 samples")
    assert browser.count("#charts figure") == 4
    assert browser.count("#charts .bar") == 20 * (1 if name == "one" else 2)
    assert browser.count(".card") == 36
    browser.choose("task", "text2box")
    assert browser.text("#summary").startswith("15 of 60 samples")
    assert browser.text("#filters-active") == "(1 active)"
    assert browser.count(".card") == 15
    assert "15 of the 15" in browser.text("#gallery-count")
    browser.click("#outcomes td button")
    assert browser.text("#filters-active") in ("(2 active)", "(3 active)")
    assert 0 < browser.count(".card") < 15
    browser.click("#filters-clear")
    assert browser.text("#summary").startswith("all 60 samples")
    browser.click("#groups button")
    assert browser.run("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert browser.count(".card") == 15
    assert browser.trouble() == []


def test_an_empty_selection_says_so(browser, pages):
    browser.open(pages["one"], 1280, 900)
    browser.choose("task", "text2point")
    browser.choose("outcome", "nothing drawn")
    assert browser.text("#summary") == "No sample is in all of these groups."
    assert browser.count(".card") == browser.count("#charts figure") == 0
    assert browser.trouble() == []


def test_sorting_orders_the_cards(browser, pages):
    browser.open(pages["one"], 1280, 900)
    scores = "[...document.querySelectorAll('.card b')].map(one => Number(one.innerText.split(' ').at(-1)))"
    lowest = browser.run(scores)
    assert lowest == sorted(lowest)
    browser.choose("Sort", "highest")
    highest = browser.run(scores)
    assert highest == sorted(highest, reverse=True)
    assert highest[0] > lowest[0]
    browser.click("#more")
    assert browser.count(".card") == 60
    assert browser.run("[...document.querySelectorAll('.card')].indexOf(document.activeElement)") == 36


def test_the_keyboard_does_it_all(browser, pages):
    browser.open(pages["two"], 1280, 900)
    browser.run("document.getElementById('sort').focus()")
    browser.press("Tab")
    focused = "[...document.querySelectorAll('.card')].indexOf(document.activeElement)"
    assert browser.run(focused) == 0
    browser.press("ArrowRight", 2)
    assert browser.run(focused) == 2
    browser.press("ArrowDown")
    below = browser.run(focused)
    assert below > 4
    browser.press("Enter")
    assert is_open(browser)
    assert position(browser) == f"{below + 1} of 60"
    browser.press("ArrowRight")
    browser.press("ArrowLeft", 3)
    assert position(browser) == f"{below - 1} of 60"
    browser.press("Escape")
    assert not is_open(browser)
    browser.wait(f"{focused} === {below - 2}")
    browser.press("Tab")
    assert browser.run("document.activeElement.id") == "more"  # the cards are one stop
    assert browser.trouble() == []


def test_the_viewer_shows_order_start_and_both_runs(browser, pages):
    browser.open(pages["two"], 1280, 900)
    browser.choose("task", "text2mask")
    browser.choose("outcome, before", "hit")
    browser.choose("Sort", "largest loss")
    browser.click(".card")
    assert browser.count("#viewer-panels figure") == 3
    vertices = browser.count("#viewer-panels figure:nth-child(2) .vertex")
    truth = json.loads(browser.run("JSON.stringify(listed[0].answers[0].shape.rings.map(ring => ring.length / 2))"))
    assert vertices == sum(truth)
    assert browser.count("#viewer-panels figure:nth-child(2) .start") == len(truth)
    assert browser.count("#viewer-panels figure:nth-child(2) .arrow") == len(truth)
    assert browser.run("document.querySelector('#viewer-panels figure:nth-child(2) .order').textContent") == "1"
    browser.click("#viewer-vertices")
    assert browser.run("getComputedStyle(document.querySelector('.vertex')).display") == "none"
    close = browser.run("document.querySelector('#viewer-panels svg').getAttribute('viewBox')")
    browser.click("#viewer-zoom")
    assert browser.run("document.querySelector('#viewer-panels svg').getAttribute('viewBox')") == "0 0 128 128" != close
    browser.click("#viewer-close")
    assert not is_open(browser)


def test_hostile_text_stays_text(browser, pages):
    browser.open(pages["two"], 1280, 900)
    browser.choose("outcome, before", "unreadable")
    browser.click(".card")
    browser.click("#viewer-panels summary")
    assert HOSTILE in browser.text("#viewer-panels")
    assert HOSTILE in browser.text("#results table caption")
    assert HOSTILE in browser.text("h1")
    browser.press("Escape")
    assert browser.run("window.hacked === undefined")
    assert browser.count("script") == 2
    assert browser.count("img") == 0
    assert browser.trouble() == []


def test_the_policy_refuses_a_script_that_is_not_the_pages(browser, pages):
    browser.open(pages["one"], 1280, 900)
    browser.run("document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked = 1'}))")
    assert browser.run("window.hacked === undefined")


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_phone_shows_everything_without_scrolling_sideways(browser, pages, name):
    browser.open(pages[name], 390, 844)
    assert browser.run("document.documentElement.scrollWidth") == 390
    wide = browser.run(
        "[...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll') && !one.closest('svg')"
        " && one.getBoundingClientRect().right > 391).map(one => one.outerHTML.slice(0, 99))"
    )
    assert wide == []
    browser.click("#filters summary")
    browser.choose("task", "text2mask")
    browser.click(".card")
    assert is_open(browser)
    assert browser.run("document.getElementById('viewer').scrollWidth <= document.getElementById('viewer').clientWidth")
    for button in ("previous", "next", "close"):
        width, height = browser.run(
            f"(() => {{ const r = document.getElementById('viewer-{button}').getBoundingClientRect();"
            " return [r.width, r.height]; })()"
        )
        assert min(width, height) >= 40  # a thumb's width
    browser.click("#viewer-close")
    assert browser.trouble() == []


def test_light_and_dark_follow_the_system(browser, pages):
    corners = {}
    for dark in (False, True):
        browser.open(pages["one"], 1280, 900, dark)
        corners[dark] = int(browser.pixels()[-5, 5].mean())
    assert corners[False] > 200
    assert corners[True] < 60
