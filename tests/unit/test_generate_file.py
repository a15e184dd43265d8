"""The file of answers by itself: what is continued, and what is left alone."""

import json
from pathlib import Path

import pytest

from polygon import UserError
from rollout.answers_file import AnswersFile
from rollout.request import Answer

SETTINGS = {"model": "tiny", "temperature": 0.0}
NAMES = ["a", "b", "c"]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def write(output: Path, *, force: bool = False) -> list[str]:
    """Write an answer to each name that has none yet; returns those names."""
    with AnswersFile(output, SETTINGS, force=force) as file:
        file.begin()
        pending = [name for name in NAMES if (name, 0) not in file.done]
        for name in pending:
            file.write(name, 0, Answer(f"[] of {name}", 2, "stop"))
    return pending


def test_a_second_run_has_nothing_left_to_write_unless_forced(output):
    assert write(output) == NAMES
    whole = output.read_bytes()
    assert [json.loads(line)["sample_id"] for line in whole.splitlines()] == NAMES
    assert write(output) == []
    assert output.read_bytes() == whole
    assert write(output, force=True) == NAMES
    assert output.read_bytes() == whole


def test_a_torn_last_line_is_dropped_and_written_again(output):
    write(output)
    whole = output.read_bytes()
    output.write_bytes(whole[:-20])
    assert write(output) == NAMES[-1:]
    assert output.read_bytes() == whole


def test_nothing_begun_leaves_nothing_behind(output):
    with AnswersFile(output, SETTINGS):
        assert output.exists()
    assert not list(output.parent.iterdir())


def test_a_file_of_others_is_not_touched(output):
    content = b'{"text": "another program\'s"}\n'
    output.write_bytes(content)
    with pytest.raises(UserError, match=r"exists, and no answers\.jsonl\.meta\.json says how it was made; choose"):
        write(output)
    assert output.read_bytes() == content


def test_an_empty_file_is_nobodys(output):
    output.touch()
    assert write(output) == NAMES


def test_a_damaged_line_is_named(output):
    write(output)
    lines = output.read_text().splitlines(keepends=True)
    output.write_text("".join([lines[0], "oops\n", lines[2]]))
    with pytest.raises(UserError, match=r"answers\.jsonl:2: not a row of answers; choose another output"):
        write(output)


def test_one_run_at_a_time(output):
    with (
        AnswersFile(output, SETTINGS),
        pytest.raises(UserError, match=r"another run is writing .*answers\.jsonl; wait for it or choose"),
    ):
        write(output)
    assert write(output) == NAMES
