"""`evaluation.run report=...`: the page beside the answers, of one file or of two."""

import json
import re

import pytest

from data.rows import read_samples
from evaluation import Prediction, write_predictions
from evaluation.run import main


@pytest.fixture
def evaluate_into(data_root, ended, tmp_path):
    def evaluate_into(page, *overrides):
        for name, text in {"after": "[]", "before": "[[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]]"}.items():
            rows = read_samples(data_root, "shapes", "val")
            write_predictions(tmp_path / f"{name}.jsonl", [Prediction(sample.sample_id, text) for sample in rows])
        files = (f"predictions={tmp_path / 'after.jsonl'}", f"data_root={data_root}")
        done = ended(main, "evaluate", *files, *overrides)
        assert (done.code, done.err) == (0, "")
        assert f"report: {page}" in done.out
        text = page.read_text()
        return json.loads(re.search(r'id="data">(.*)</script>', text)[1]), text

    return evaluate_into


def test_one_file_of_answers(evaluate_into, tmp_path):
    data, page = evaluate_into(tmp_path / "after.html", "report=true")
    assert len(data["runs"]) == 1
    assert len(data["examples"]) == len(data["image"]) == 6
    assert data["score"] == [[0] * 6]
    assert "Boundary IoU" in page
    assert "simpleseg" in page  # the conventions


def test_two_files_of_answers(evaluate_into, tmp_path):
    page = tmp_path / "pages" / "both.html"
    data, text = evaluate_into(page, f"report={page}", f"baseline={tmp_path / 'before.jsonl'}", "boundary=null")
    assert len(data["runs"]) == 2
    before, after = data["score"]
    assert max(before) > 0
    assert max(after) == 0
    assert all(example["answers"][0]["text"].startswith("[[[0.1") for example in data["examples"])
    assert "difference" in text
