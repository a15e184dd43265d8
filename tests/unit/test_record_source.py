"""What all sources of files have in common: texts in a shuffled order, tasks, boxes without masks, what is refused."""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data import checked
from data.problems import REASONS, BadRow
from data.record import Record, image_id
from data.record_order import shuffled
from data.record_source import RecordSource
from data.task import TASKS
from polygon import Box, Codec, UserError
from rewards import Rewards

SQUARE = [[10, 5, 40, 5, 40, 25, 10, 25]]


@dataclass(kw_only=True)
class Given(RecordSource):
    """Records as they are given."""

    layout = "give records"
    given: tuple = field(default=())

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "val")

    def records(self, split: str) -> Sequence[Record]:
        return self.given


@pytest.fixture
def record(tmp_path) -> Record:
    """A rectangle on a photograph of 48 x 80 px."""
    path = tmp_path / "000000000007.png"
    cv2.imwrite(str(path), np.zeros((48, 80, 3), np.uint8))
    return Record("set", "train", str(path), "coco/000000000007", "3", 48, 80, (SQUARE,), (10, 5, 40, 25), ("a", "b"))


def source(*records: Record, **options) -> Given:
    return Given(name="set", given=records, **options)


def reason(record: Record, task: str = "text2mask", **options) -> str:
    with pytest.raises(BadRow) as error:
        source(record, **options).sample("train", 0, task)
    assert error.value.detail
    return error.value.reason


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 17, 1000, 1025])
def test_every_pass_is_a_permutation_of_its_own(size):
    key = (0, "train")
    passes = [[shuffled(number * size + i, size, key) for i in range(size)] for number in range(3)]
    for order in passes:
        assert sorted(order) == list(range(size))
    if size > 16:
        assert passes[0] != passes[1] != passes[2]
        others = [[shuffled(i, size, other) for i in range(size)] for other in ((1, "train"), (0, "val"))]
        assert len({tuple(order) for order in (passes[0], *others)}) == 3
        steps = np.diff(passes[0])
        assert abs(np.corrcoef(steps[:-1], steps[1:])[0, 1] + 0.5) < 0.35, "steps of a shuffled order undo each other"


def test_the_order_of_a_million_is_known_without_making_it():
    """Fixed numbers: another order would change what every prepared dataset holds."""
    assert [shuffled(i, 10**6, (0, "train")) for i in (0, 1, 999_999, 10**6)] == [435497, 839624, 182406, 537060]
    assert len({shuffled(i, 10**6, (0, "train")) for i in range(20_000)}) == 20_000


def test_every_text_comes_once_a_pass(record):
    records = [replace(record, ann_id=str(i), expressions=tuple(f"{i}.{k}" for k in range(i % 4))) for i in range(30)]
    given = source(*records)
    assert given.size("train") == sum(max(1, i % 4) for i in range(30))
    texts = [(number, choice) for number in range(30) for choice in range(max(1, number % 4))]
    for start in (0, given.size("train")):
        assert sorted(given.place("train", start + i) for i in range(given.size("train"))) == texts
    for index in range(given.size("train")):
        number, choice = given.place("train", index)
        if number % 4:
            assert given.sample("train", index, "text2mask").expression == f"{number}.{choice}"
    assert source().size("train") == 0


def test_every_task_of_a_record(record):
    given = source(record)
    for task in TASKS:
        sample = given.sample("train", 1, task)
        assert sample == given.sample("train", 1, task)
        assert sample.sample_id.startswith(f"set/train/{task}/coco/000000000007/3/")
        assert (sample.image, sample.height, sample.width) == (record.image, 48, 80)
        assert sample.box == (10 / 80, 5 / 48, 40 / 80, 25 / 48)
        mask_HW = sample.target().mask
        assert mask_HW.sum() == 30 * 20
        assert mask_HW[5:25, 10:40].all()
    assert given.sample("train", 0, "box2mask").prompt_region == Box(*sample.box)
    points = {given.sample("train", index, "point2mask").prompt_region for index in range(20)}
    assert len(points) > 10
    assert all(mask_HW[int(point.y * 48), int(point.x * 80)] for point in points)


def test_a_mask_without_a_box_gets_the_one_around_it(record):
    sample = source(replace(record, box_px=None)).sample("train", 0, "text2box")
    assert sample.box == (10 / 80, 5 / 48, 40 / 80, 25 / 48)


def test_several_segmentations_are_one_mask(record):
    other = {"size": [48, 80], "counts": [48 * 79, 48]}
    sample = source(replace(record, segmentations=(SQUARE, other), box_px=None)).sample("train", 0, "text2mask")
    mask_HW = sample.target().mask
    assert mask_HW.sum() == 30 * 20 + 48
    assert mask_HW[:, 79].all()


def test_boxes_without_masks_serve_the_box_task_and_are_scored(record):
    bare = replace(record, segmentations=(), box_px=(-2, 5, 82, 47))
    sample = source(bare).sample("train", 0, "text2box")
    assert sample.rle is None
    assert sample.box == (0.0, 5 / 48, 1.0, 47 / 48)  # what sticks out is cut off
    target = sample.target()
    codec = Codec(precision=3)
    rewards = Rewards({"box_iou": {"weight": 1.0}, "format": {"weight": 1.0}, "iou": {"weight": 1.0}}, codec)
    terms = rewards.score(codec.format(Box(*target.box)), target).terms
    assert terms["box_iou"] == pytest.approx(1, abs=0.01)
    assert (terms["format"], terms["iou"]) == (1.0, None)
    with pytest.raises(UserError, match="has a box and no mask"):
        target.mask  # noqa: B018
    for task in TASKS.keys() - {"text2box"}:
        assert reason(bare, task) == "no_mask"


def test_where_several_objects_or_none_are_meant_only_a_mask_is_asked_for(record):
    nothing = replace(record, segmentations=(), box_px=None, ann_id="none", n_objects=0)
    for task in TASKS:
        several = source(replace(record, n_objects=2)).sample("train", 0, task)
        assert (several.task, several.prompt_region) == ("text2mask", None)
        assert several.target().mask.any()
        sample = source(nothing).sample("train", 0, task)
        assert (sample.task, sample.box, sample.prompt_region) == ("text2mask", None, None)
        assert sample.sample_id.startswith("set/train/text2mask/")
        assert not sample.target().mask.any()


def test_sizes_that_are_not_annotated_are_the_photographs(record):
    assert source(replace(record, height=0, width=0)).sample("train", 0, "text2mask").height == 48


def test_bytes_and_converted_files_travel_as_bytes(record, tmp_path):
    content = Path(record.image).read_bytes()
    assert source(replace(record, image=content)).sample("train", 0, "text2mask").image == content
    cv2.imwrite(str(tmp_path / "photo.webp"), np.full((48, 80, 3), 90, np.uint8))
    sample = source(replace(record, image=str(tmp_path / "photo.webp"))).sample("train", 0, "text2mask")
    assert sample.image.startswith(b"\x89PNG")
    assert abs(int(sample.pixels().mean()) - 90) <= 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"image": "gone.jpg"}, "missing_image"),
        ({"image": b"no image"}, "undecodable_image"),
        ({"height": 80, "width": 48}, "size_mismatch"),
        ({"expressions": ()}, "no_expression"),
        ({"problem": ("duplicate_id", "3 occurs twice")}, "duplicate_id"),
        ({"segmentations": ([],)}, "empty_mask"),
        ({"box_px": (10, 5, 10, 25)}, "bad_annotation"),
        ({"box_px": (10, float("inf"), 20, 25)}, "bad_annotation"),
        ({"box_px": (10, 5, 85, 25)}, "outside_image"),
        ({"segmentations": ([[10, 5, 40, 5, 40, -3]],)}, "outside_image"),
    ],
)
def test_reasons(record, changes, expected):
    assert reason(replace(record, **changes)) == expected


def test_damage_is_found_by_decoding_once_an_image(record, monkeypatch):
    looked = []
    real = checked.read_image
    monkeypatch.setattr(checked, "read_image", lambda *a, **k: looked.append(a[0]) or real(*a, **k))
    given = source(record)
    for index in range(5):
        given.sample("train", index, "text2mask")
    assert looked == [record.image]
    noise = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    content = cv2.imencode(".png", noise)[1].tobytes()
    damaged = replace(record, image=content[: len(content) // 2])
    assert reason(damaged) == "undecodable_image"
    assert source(damaged, decode_images=False).sample("train", 0, "text2mask").image == damaged.image


@pytest.mark.parametrize(
    ("file_name", "collection", "expected"),
    [
        ("COCO_train2014_000000581857.jpg", "mscoco", "coco/000000581857"),
        ("COCO_train2014_000000581857_16.jpg", "mscoco", "coco/000000581857"),
        ("train2017/000000581857.jpg", "mscoco", "coco/000000581857"),
        ("train2017/000000581857.jpg", "mine", "mine/train2017/000000581857.jpg"),
        ("cam1/0001.jpg", "mscoco", "mscoco/cam1/0001.jpg"),
        ("cam1\\\\0001.jpg", "mine", "mine/cam1/0001.jpg"),
        ("./cam1/./0001.jpg", "mine", "mine/cam1/0001.jpg"),
        ("581857", "mscoco", "coco/000000581857"),
        ("38685.jpg", "saiapr", "saiapr/38685.jpg"),
        ("a/b/holiday.final.jpg", "mine", "mine/a/b/holiday.final.jpg"),
    ],
)
def test_image_ids_agree_whatever_the_file_is_called(file_name, collection, expected):
    assert image_id(file_name, collection) == expected


def test_bad_rows_travel_between_processes_and_have_known_reasons():
    bad = pickle.loads(pickle.dumps(BadRow("no_mask", "why")))
    assert (bad.reason, bad.detail, str(bad)) == ("no_mask", "why", "no_mask: why")
    with pytest.raises(ValueError, match="'ugly' is no reason; known: " + ", ".join(REASONS)):
        BadRow("ugly", "why")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sede": 1}, r"dataset\.source\.sede: unknown key; known: name, seed, decode_images, given"),
        ({"decode_images": 1}, r"dataset\.source\.decode_images: 1 is of the wrong kind"),
        ({"name": "???"}, r"dataset\.source\.name is not set: give records"),
    ],
)
def test_configuration_is_checked(options, message):
    with pytest.raises(UserError, match=message):
        Given.from_config({"name": "set", **options})
    with pytest.raises(UserError, match=r"dataset\.source\.name is not set"):
        Given.from_config({})
