"""Prediction rows: what is written comes back, and a bad line is named with its file, its number and its fault."""

import pytest

from evaluation import Prediction, read_predictions, write_predictions
from evaluation.inputs.prediction_store import IN_MEMORY, PredictionStore
from polygon import UserError


def test_what_is_written_comes_back(tmp_path):
    rows = [
        Prediction("a", "[[[0.1, 0.2]]]", draw=0, tokens=9, finish="stop"),
        Prediction("a", "line\nbreak \u2028 and \ud800", draw=1, tokens=0, finish="length"),
        Prediction("b", ""),
    ]
    path = tmp_path / "new" / "p.jsonl"
    write_predictions(path, rows)
    assert list(read_predictions(path)) == rows
    assert [file.name for file in path.parent.iterdir()] == ["p.jsonl"]


def test_only_id_and_text_are_required(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"sample_id": "a", "text": "[]"}\n\n')
    assert list(read_predictions(path)) == [Prediction("a", "[]", draw=0, tokens=None, finish=None)]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"sample_id": "b", "te', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "JSON object"),
        ('{"text": "x"}', "sample_id must be"),
        ('{"sample_id": "b"}', "text must be"),
        ('{"sample_id": "b", "text": 3}', "text must be"),
        ('{"sample_id": "b", "text": "", "draw": -1}', "draw must be"),
        ('{"sample_id": "b", "text": "", "tokens": 1.5}', "tokens must be"),
        ('{"sample_id": "b", "text": "", "finish": "eos"}', "finish must be"),
        ('{"sample_id": "b", "rle": {"counts": "02"}}', "rle must be"),
        ('{"sample_id": "b", "text": "", "score": "high"}', "score must be"),
        ('{"sample_id": "b", "text": "", "token": 3}', "unknown key 'token'; known keys: sample_id, text"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, fault):
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'{"sample_id": "a", "text": ""}\n' + (line if isinstance(line, bytes) else line.encode()))
    with pytest.raises(UserError, match=fault) as error:
        list(read_predictions(path))
    assert str(error.value).startswith(f"{path}:2: ")
    assert "\n" not in str(error.value)


def test_a_mask_needs_no_text(tmp_path):
    path = tmp_path / "p.jsonl"
    rows = [Prediction("a", rle={"size": [1, 2], "counts": "02"}, score=0.5), Prediction("b", "[]")]
    write_predictions(path, rows)
    assert "rle" not in path.read_text().splitlines()[1]
    assert list(read_predictions(path)) == rows


def test_the_store_keeps_texts_out_of_memory():
    rows = [Prediction(f"s{index % 3}", "x" * IN_MEMORY, draw=index // 3) for index in range(6)]
    store = PredictionStore(iter(rows))
    assert store.draws == (0, 1)
    assert list(store) == ["s0", "s1", "s2"]
    assert store.answers("s1") == {0: rows[1], 1: rows[4]}
    assert store.answers("s1") == {0: rows[1], 1: rows[4]}
    assert store.answers("s9") == {}


def test_no_file_says_how_to_make_one(tmp_path):
    with pytest.raises(UserError, match=r"no predictions file .*rollout\.generate"):
        list(read_predictions(tmp_path / "none.jsonl"))
