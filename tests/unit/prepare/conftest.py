"""What the tests of `data.prepare` share: a source of records that a JSON list states, and datasets made of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from data import sources
from data.record import Record
from data.record_source import RecordSource

HEIGHT, WIDTH = 40, 60


@dataclass(kw_only=True)
class Listed(RecordSource):
    """Records as a JSON list states them."""

    layout: ClassVar[str] = "a list of records"
    file: str

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(record.split for record in self._all))

    def records(self, split: str) -> Sequence[Record]:
        return [record for record in self._all if record.split == split]

    @cached_property
    def _all(self) -> list[Record]:
        return [
            Record(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
            for row in json.loads(Path(self.file).read_text())
        ]


@pytest.fixture(autouse=True)
def listed(monkeypatch):
    monkeypatch.setitem(sources.SOURCES, "listed", Listed)


def _rows_of(root: Path, source: str, split: str, images: range) -> list[dict]:
    """Two objects an image, the first with two expressions; the images are written, too."""
    rows = []
    for number in images:
        file = root / f"{number:012d}.jpg"
        file.write_bytes(cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), 20 * number % 256, np.uint8))[1])
        for item in range(2):
            x, y, side = 5 + 25 * item, 4 + number % 8, 12 + number % 5
            rows.append(
                {
                    "source": source,
                    "split": split,
                    "image": str(file),
                    "image_id": f"coco/{number:012d}",
                    "ann_id": str(10 * number + item),
                    "height": HEIGHT,
                    "width": WIDTH,
                    "segmentations": [[[x, y, x + side, y, x + side, y + side, x, y + side]]],
                    "box_px": [x, y, x + side, y + side],
                    "expressions": ["left one", "left square"] if item == 0 else ["right one"],
                }
            )
    return rows


@pytest.fixture
def rows_of() -> Callable[[Path, str, str, range], list[dict]]:
    """`rows_of(root, source, split, images)`: records, whose images it writes."""
    return _rows_of


@pytest.fixture
def rows(tmp_path) -> list[dict]:
    """train: images 0 to 19; val: 18 to 21, of which train has two; 60 and 12 texts."""
    return _rows_of(tmp_path, "a", "train", range(20)) + _rows_of(tmp_path, "a", "val", range(18, 22))


@pytest.fixture
def config() -> Callable[..., dict]:
    """`config(root, rows, **changes)`: what `prepare` is given; the keys of `dataset` are among the changes too."""

    def config(root: Path, rows: list[dict], **changes) -> dict:
        (root / "records.json").write_text(json.dumps(rows))
        dataset = {
            "name": "listed",
            "source": {"kind": "listed", "file": str(root / "records.json"), "seed": 3},
            "answers": "bare",
            "sizes": {"sft": {"train": None, "val": None}, "rl": {"train": 100, "val": None}},
            **{key: changes.pop(key) for key in ("images", "leakage", "leakage_against", "sizes") if key in changes},
        }
        weights = {"text2mask": 0.6, "text2box": 0.2, "point2mask": 0.2}
        defaults = {
            "dataset": dataset,
            "task": {"weights": weights},
            "rl_task": {"weights": {"text2mask": 1}},
            "codec": {"precision": 3},
            "data_root": str(root / "data"),
            "workers": 1,
            "shard_rows": 16,
            "max_bad_share": 0.0,
        }
        return {**defaults, **changes}

    return config


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """`contents(folder)`: the bytes of every file in it."""

    def contents(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return contents
