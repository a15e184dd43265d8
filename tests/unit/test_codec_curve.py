"""The published table and plot of the codec's curve are what its data gives."""

import json
from pathlib import Path

import experiments.codec_curve
from experiments.codec_curve.__main__ import settings, table
from experiments.codec_curve.plot import svg

FOLDER = Path(experiments.codec_curve.__file__).parent
ROWS = [json.loads(line) for line in (FOLDER / "curve.jsonl").read_text().splitlines()]


def test_table_and_plot_are_those_of_the_data():
    assert table(ROWS) in (FOLDER / "README.md").read_text()
    assert (FOLDER / "curve.svg").read_text() == svg(ROWS)


def test_every_setting_is_measured_once():
    measured = [(row["name"], row["numbers"], row["tolerance"]) for row in ROWS]
    assert sorted(measured) == sorted((name, numbers, tolerance) for name, numbers, tolerance, _ in settings())
