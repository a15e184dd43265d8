"""Leakage is found by the photograph, in any split that is not for training, of any dataset."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from data.leakage import HeldOut, is_training, leak_counts
from data.record import family


@dataclass
class Photos:
    """A source of records that have an image and a source, and nothing else."""

    name: str
    images: dict[str, list[str]]

    @property
    def splits(self):
        return tuple(self.images)

    def records(self, split):
        return [type("Photo", (), {"source": self.name, "image_id": image}) for image in self.images[split]]


@pytest.fixture
def held_out():
    first = Photos("refcoco", {"train": ["coco/1", "coco/2"], "val": ["coco/3"], "testA": ["coco/4", "coco/4"]})
    second = Photos("refcocog", {"train": ["coco/3"], "val": ["coco/1", "coco/4"], "train2017": ["coco/9"]})
    copies = [{"source": "refcoco", "digest": "d1"}, {"source": "refcoco", "digest": None}]
    return HeldOut([first, second], {"val": pa.Table.from_pylist(copies)})


def test_what_is_held_out_is_known_with_where(held_out):
    expected = {"coco/1": {"refcocog val"}, "coco/3": {"refcoco val"}, "coco/4": {"refcoco testA", "refcocog val"}}
    assert held_out.places == expected | {"d1": {"refcoco val"}}


@pytest.mark.parametrize(
    ("split", "expected"), [("train", True), ("train2014", True), ("val", False), ("testB", False), ("minival", False)]
)
def test_only_train_is_for_training(split, expected):
    assert is_training(split) is expected


def test_leaks_are_counted_by_source_and_by_where_they_are_from(held_out):
    records = [
        ("refcoco", "coco/1", 3),
        ("refcoco", "coco/1", 2),
        ("refcoco", "coco/2", 2),
        ("refcocog", "coco/3", 1),
        ("refcocog", "coco/4", 4),
        ("refclef", "saiapr/4", 5),
    ]
    rows = [dict(zip(("source", "image_id", "texts"), row, strict=True)) | {"digest": "d0"} for row in records]
    table = pa.Table.from_pylist(rows)
    leaked_R = held_out.leaks(table)
    assert leaked_R.tolist() == [True, True, False, True, True, False]
    assert leak_counts(table, leaked_R, held_out) == {
        "refcoco": {"of texts": 7, "texts": 5, "images": 1, "texts by split": {"refcocog val": 5}},
        "refcocog": {
            "of texts": 5,
            "texts": 5,
            "images": 2,
            "texts by split": {"refcoco testA": 4, "refcoco val": 1, "refcocog val": 4},
        },
        "refclef": {"of texts": 5, "texts": 0, "images": 0, "texts by split": {}},
    }
    assert not HeldOut([], {}).leaks(table).any()
    assert leak_counts(table, np.zeros(6, bool), held_out)["refcoco"]["texts"] == 0


def test_exact_copies_leak_under_any_name(held_out):
    rows = [
        {"source": "mine", "image_id": f"mine/{n}.jpg", "digest": digest, "texts": 1}
        for n, digest in enumerate(["d1", "d2"])
    ]
    table = pa.Table.from_pylist(rows)
    leaked_R = held_out.leaks(table)
    assert leaked_R.tolist() == [True, False]
    assert leak_counts(table, leaked_R, held_out)["mine"]["texts by split"] == {"refcoco val": 1}


def test_versions_of_one_photograph_are_a_family():
    names = [f"mine/dog_jpg.rf.{digest}.jpg" for digest in ("0a1b", "Zz9", "777")]
    assert {family(name) for name in names} == {"mine/dog_jpg.jpg"}
    assert family("mine/a.rf.jpg") == "mine/a.rf.jpg" and family("coco/000000000042") == "coco/000000000042"
    held_out = HeldOut([Photos("mine", {"train": names[:1], "val": names[1:2]})], {})
    table = pa.Table.from_pylist([{"source": "mine", "image_id": names[0], "digest": None, "texts": 1}])
    assert held_out.leaks(table).all()
