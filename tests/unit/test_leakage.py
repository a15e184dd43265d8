"""Leakage is found by the photograph, in any split that is not for training, of any dataset."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from data.leakage import held_out_images, is_training, leak_counts, leaks


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
    return held_out_images([first, second])


def test_what_is_held_out_is_known_with_where(held_out):
    expected = {"coco/1": {"refcocog val"}, "coco/3": {"refcoco val"}, "coco/4": {"refcoco testA", "refcocog val"}}
    assert held_out == expected


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
    table = pa.Table.from_pylist([dict(zip(("source", "image_id", "texts"), row, strict=True)) for row in records])
    leaked_R = leaks(table["image_id"], held_out)
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
    assert not leaks(table["image_id"], {}).any()
    assert leak_counts(table, np.zeros(6, bool), held_out)["refcoco"]["texts"] == 0
