"""COCO json: objects that their category singles out become samples, the others do not; files are divided by image."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.coco import Coco
from data.coco_instances import Instances
from data.problems import BadRow
from data.sources import open_source
from polygon import UserError, rle_decode

CATEGORIES = [{"id": 1, "name": "Dog"}, {"id": 2, "name": "cat"}]


def square(number: int, image: int, x: int, side: int = 20, category: int = 1, **changes) -> dict:
    ring = [x, 10, x + side, 10, x + side, 10 + side, x, 10 + side]
    common = {"id": number, "image_id": image, "category_id": category, "iscrowd": 0, "segmentation": [ring]}
    return common | {"bbox": [x, 10, side, side], "area": side * side} | changes


@pytest.fixture
def write(tmp_path):
    """`write(annotations)`: instances.json of ten images of 60 x 100 px; returns their folder."""

    def write(annotations: list[dict], file: str = "instances.json", **changes) -> Path:
        (tmp_path / "images").mkdir(exist_ok=True)
        images = []
        for number in range(10):
            cv2.imwrite(str(tmp_path / f"images/photo {number}.png"), np.zeros((60, 100, 3), np.uint8))
            images.append({"id": number, "file_name": f"photo {number}.png", "height": 60, "width": 100})
        content = {"images": images, "annotations": annotations, "categories": CATEGORIES, **changes}
        (tmp_path / file).write_text(json.dumps(content))
        return tmp_path

    return write


def coco(folder: Path, **options) -> Coco:
    files = {"annotations": "instances.json", "images": "images", "shares": {"train": 1}}
    return Coco.from_config({"name": "set", "root": str(folder), **files, **options})


def said(source: Coco) -> dict[str, tuple[str, ...]]:
    return {r.ann_id: r.expressions for split in source.splits for r in source.records(split)}


def test_expressions_mean_one_object_of_their_image(write):
    left_right = ("the left dog", "the dog on the left"), ("the right dog", "the dog on the right")
    cases = {
        "alone": ([square(1, 0, 5)], {"1": ("the dog",)}),
        "others": ([square(1, 0, 5), square(2, 0, 50, category=2)], {"1": ("the dog",), "2": ("the cat",)}),
        "two": ([square(1, 0, 5), square(2, 0, 50)], {"1": left_right[0], "2": left_right[1]}),
        "behind": ([square(1, 0, 5), square(2, 0, 10)], {}),
        "larger": (
            [square(1, 0, 5, side=40), square(2, 0, 16)],
            {"1": ("the largest dog", "the larger dog")},
        ),
        "three": ([square(1, 0, 5), square(2, 0, 40, side=40), square(3, 0, 80)], {}),
        "crowd": ([square(1, 0, 5), square(2, 0, 50, iscrowd=1)], {}),
        "other crowd": ([square(1, 0, 5), square(2, 0, 50, category=2, iscrowd=1)], {"1": ("the dog",)}),
        "elsewhere": ([square(1, 0, 5), square(2, 1, 5)], {"1": ("the dog",), "2": ("the dog",)}),
        "tiny": ([square(1, 0, 5, side=4)], {}),
        "tiny beside": ([square(1, 0, 5, side=4), square(2, 0, 50)], {"2": (*left_right[1], *LARGEST)}),
    }
    for name, (annotations, expected) in cases.items():
        assert said(coco(write(annotations))) == expected, name


LARGEST = ("the largest dog", "the larger dog")


def test_kinds_and_sizes_are_configuration(write):
    folder = write([square(1, 0, 5, side=40), square(2, 0, 50), square(3, 1, 5, side=4)])
    assert said(coco(folder, expressions=["only"], min_area=16)) == {"3": ("the dog",)}
    assert said(coco(folder, expressions=["side"])).keys() == {"1", "2"}
    assert said(coco(folder, expressions=["largest"])) == {"1": LARGEST}


def test_images_are_divided_once_and_for_all(write):
    folder = write([square(number, number, 5) for number in range(10)])
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    source = coco(folder, shares=shares)
    ids = {split: {r.image_id for r in source.records(split)} for split in source.splits}
    assert source.splits == ("train", "val", "test")
    assert sum(map(len, ids.values())) == len(set.union(*ids.values())) == 10
    write([square(number, number, 5) for number in range(9, 4, -1)])
    fewer = coco(folder, shares=shares)
    assert all({r.image_id for r in fewer.records(split)} <= ids[split] for split in fewer.splits)
    others = coco(folder, shares=shares, seed=1)
    assert any({r.image_id for r in others.records(s)} != {r.image_id for r in fewer.records(s)} for s in others.splits)


def test_a_file_a_split(write):
    folder = write([square(1, 0, 5)], "a.json")
    write([square(2, 1, 5)], "b.json")
    files, folders = {"train": "a.json", "val": "b.json"}, {"train": "images", "val": "images"}
    source = coco(folder, annotations=files, images=folders, shares=None)
    assert [source.sample(split, 0, "text2mask").ann_id for split in source.splits] == ["1", "2"]
    assert source.sample("val", 0, "text2mask").expression == "the dog"
    assert source.sample("val", 0, "text2mask").image_id == "set/photo 1.png"
    assert coco(folder, annotations="b.json", photographs="mine").records("train")[0].image_id == "mine/photo 1.png"


def test_what_is_wrong_is_met_as_a_bad_row(write):
    folder = write(
        [
            square(1, 0, 5, segmentation=[]),
            square(2, 1, 5, bbox=[1, 2, 3]),
            square(3, 77, 5),
            square(4, 2, 5, category=9),
            square(5, 3, 5),
            square(5, 3, 60),
            square(6, 4, 5, segmentation=None),
            square(7, 5, 5),
        ]
    )
    (folder / "images/photo 5.png").unlink()
    source = coco(folder)
    reasons = {}
    for index in range(source.size("train")):
        record = source.records("train")[source.place("train", index)[0]]
        with pytest.raises(BadRow) as error:
            source.sample("train", index, "text2mask")
        reasons[record.ann_id] = error.value.reason
    assert reasons == {
        **dict.fromkeys("16", "no_mask"),
        **dict.fromkeys("234", "bad_annotation"),
        "5": "duplicate_id",
        "7": "missing_image",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expressions": ["only", "best"]}, r"expressions: 'best' is unknown; known: only, side, largest"),
        ({"expressions": []}, r"expressions: '' is unknown"),
        ({"shares": None}, r"dataset\.source\.shares divides one json"),
        ({"annotations": {"train": "instances.json"}}, r"dataset\.source\.shares divides one json"),
        ({"shares": {"train": 0}}, r"shares: \{'train': 0\} are not positive numbers"),
        ({"shares": {"train": "all"}}, r"are not positive numbers"),
        ({"images": {"val": "images"}}, r"dataset\.source\.images has no folder for train"),
        ({"images": "photos"}, r"photos is missing; dataset\.source\.root: name the folder that"),
        ({"annotations": "gone.json"}, r"gone\.json is missing; dataset\.source\.root: name the folder that"),
        ({"root": "???"}, r"dataset\.source\.root is not set: name the folder that"),
    ],
)
def test_bad_configuration_is_named(write, options, message):
    folder = write([square(1, 0, 5)])
    with pytest.raises(UserError, match=message):
        coco(folder, **options)


def test_all_annotations_are_kept_compact_and_only_the_wanted_ones_where_that_is_said(write):
    folder = write([square(1, 0, 5, segmentation=[[1.5, 2, 3, 4, 5, 6]]), square(2, 0, 50, segmentation=["bad"])])
    every = Instances.read(folder / "instances.json")
    assert every.annotations.keys() == {1, 2}
    assert every.annotations[1].segmentations() == ([[1.5, 2.0, 3.0, 4.0, 5.0, 6.0]],)
    assert every.annotations[2].problem == "segmentation has ['bad'] where flat x, y, x, y numbers are expected"
    assert every.categories == {1: "Dog", 2: "cat"}
    assert Instances.read(folder / "instances.json", wanted={2}).annotations.keys() == {2}
    write([{"image_id": 1, "bbox": [1, 2, 3, 4]}])
    assert [*Instances.read(folder / "instances.json").annotations] == ["row 1"]


def test_coco_dev_is_whole(shared):
    """Real photographs: every text is a sound sample, its mask the annotated one."""
    root = shared / "data/coco_dev"
    if not root.is_dir():
        pytest.skip("no coco_dev in the shared data")
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    common = {"kind": "coco", "root": str(root), "annotations": "instances.json", "images": "images"}
    source = open_source({"name": "coco_dev", "source": {**common, "shares": shares}})
    areas = {a["id"]: a["area"] for a in json.loads((root / "instances.json").read_text())["annotations"]}
    sizes = {split: source.size(split) for split in source.splits}
    assert sum(sizes.values()) == 1275
    for split, size in sizes.items():
        for index in range(0, size, 5):
            sample = source.sample(split, index, "text2mask")
            area = rle_decode(sample.rle).sum()
            assert abs(area - areas[int(sample.ann_id)]) <= 0.1 * area + 20
    words = Counter(text.split()[1] for split in sizes for r in source.records(split) for text in r.expressions)
    assert {"left", "right", "largest", "person"} <= words.keys()


def test_balloon_is_whole(shared):
    root = shared / "data/balloon"
    if not root.is_dir():
        pytest.skip("no balloon in the shared data")
    splits = {"train": "custom_train", "val": "custom_val"}
    source = coco(
        root,
        annotations={split: f"annotations/{file}.json" for split, file in splits.items()},
        images={split: f"{split}2017" for split in splits},
        shares=None,
    )
    assert {split: source.size(split) for split in splits} == {"train": 49, "val": 5}
    assert all(source.sample("val", index, "box2mask").box for index in range(5))
