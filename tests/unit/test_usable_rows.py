"""`hardware.usable_rows` ahead of a dataset of its own: what is skipped, and when there is no use in going on."""

import logging

import pytest

from hardware.usable_rows import PATIENCE, UsableRows
from polygon import UserError


class Rows:
    def __init__(self, rows: list):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        if isinstance(self.rows[index], Exception):
            raise self.rows[index]
        return self.rows[index]


class Usable(UsableRows, Rows):
    files = ("train",)


GONE = FileNotFoundError("photo.jpg:\nno such file")


def test_the_next_usable_row_stands_in_and_the_bad_one_is_named_once(caplog):
    rows = Usable(["a", GONE, ValueError("too long"), "d"])
    with caplog.at_level(logging.WARNING):
        assert [rows[index] for index in (*range(4), *range(4))] == ["a", "d", "d", "d"] * 2
    assert rows.skipped == {1: "FileNotFoundError: photo.jpg: no such file", 2: "ValueError: too long"}
    assert [record.getMessage() for record in caplog.records] == [
        "train: row 1 skipped, 1 so far: FileNotFoundError: photo.jpg: no such file",
        "train: row 2 skipped, 2 so far: ValueError: too long",
    ]


def test_behind_the_last_row_comes_the_first():
    assert Usable(["a", "b", GONE])[2] == "a"


def test_a_dataset_of_which_nothing_can_be_used_is_refused_at_once():
    with pytest.raises(UserError, match=rf"^train: {PATIENCE} rows on end cannot be used, 15 last \(.*\); prepare the"):
        Usable([GONE] * 100)
    with pytest.raises(UserError, match=r"^train has no row left: "):
        Usable([])
