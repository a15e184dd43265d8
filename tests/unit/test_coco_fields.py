"""Fields of COCO files as tools write them, and what `data.prepare` says of files in another convention."""

import json
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import ExifTags, Image

from data import coco_fields as fields
from data import coco_instances
from data.coco_instances import Instances
from data.prepare import main
from polygon import Target, UserError, rle_decode

HEIGHT, WIDTH = 60, 80
RING = [10, 10, 30, 10, 30, 40, 10, 40]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(17, 17), ("17", 17), (" 17 ", 17), (17.0, 17), ("a7", "a7"), ("0017", 17), ("1.5", "1.5")],
)
def test_ids(value, expected):
    assert fields.identifier(value, "id") == expected


@pytest.mark.parametrize("value", [None, [1, 2], {}, True, 1.5, float("nan")])
def test_what_is_no_id_is_named(value):
    with pytest.raises(ValueError, match=r"image_id is .*, no id"):
        fields.identifier(value, "image_id")


@pytest.mark.parametrize(
    ("values", "expected"),
    [((1, "1", True, "true", 1.0, "Yes"), True), ((0, "0", False, "false", None, "", 0.0), False)],
)
def test_flags(values, expected):
    assert [fields.flag(value, "iscrowd") for value in values] == [expected] * len(values)


def test_what_is_no_flag_is_named():
    with pytest.raises(ValueError, match="iscrowd is 'maybe', neither 0 nor 1"):
        fields.flag("maybe", "iscrowd")


@pytest.mark.parametrize(
    "value",
    [
        [RING],
        RING,
        [[[10, 10], [30, 10], [30, 40], [10, 40]]],
        [[10, 10], [30, 10], [30, 40], [10, 40]],
        [[str(number) for number in RING]],
        [RING, []],
    ],
)
def test_polygons_of_any_nesting(value):
    (ring,) = fields.segmentation(value)
    assert ring.tolist() == RING


@pytest.mark.parametrize("value", [None, [], [[]], "", {}])
def test_no_segmentation(value):
    assert fields.segmentation(value) is None


@pytest.mark.parametrize("value", ["RLE", 7, [["a", "b"]], [[[1, 2, 3]]], [7, [1, 2]], [RING, 5]])
def test_what_is_no_segmentation_is_named(value):
    with pytest.raises(ValueError, match="segmentation"):
        fields.segmentation(value)


@pytest.fixture
def prepared(tmp_path, ended):
    """`prepared(annotations, images, *overrides)`: what `data.prepare` ended with, all in train and val."""
    root = tmp_path / "my set, (1)=a"

    def prepared(
        annotations: list[dict],
        images: list[dict] | None = None,
        *overrides: str,
        encoding="utf-8",
        test: float = 0,
        categories=({"id": 1, "name": "cat"},),
        write_images=True,
    ):
        (root / "images").mkdir(parents=True, exist_ok=True)
        default = [{"id": n, "file_name": f"p {n}.png", "width": WIDTH, "height": HEIGHT} for n in range(1, 9)]
        for shade, image in enumerate(images or default, start=1):
            name = Path(image["file_name"].replace("\\", "/")).name
            if write_images and not (root / "images" / name).exists():
                cv2.imwrite(str(root / "images" / name), np.full((HEIGHT, WIDTH, 3), 20 * shade, np.uint8))
        content = {"images": images or default, "annotations": annotations, "categories": categories}
        (root / "instances.json").write_bytes(json.dumps(content).encode(encoding))
        return ended(
            main, "prepare", "dataset=coco", "dataset.name=mine", f"dataset.source.root='{root}'", "workers=1",
            "dataset.source.annotations=instances.json", "dataset.source.images=images", "card=null", "codec=default",
            f"dataset.source.shares={{train: 0.5, val: 0.5{test}}}", f"data_root={tmp_path / 'data'}", *overrides,
        )  # fmt: skip

    return prepared


def annotations(**changes) -> list[dict]:
    """An object in each of eight photographs."""
    item = {"category_id": 1, "segmentation": [RING], "bbox": [10, 10, 20, 30], "area": 600, "iscrowd": 0}
    return [item | {"id": n, "image_id": n} | changes for n in range(1, 9)]


def rows(root: Path) -> int:
    manifest = json.loads((root / "data/mine/manifest.json").read_text())
    return sum(file["rows"] for name, file in manifest["files"].items() if name.startswith("rl/"))


@pytest.mark.parametrize(
    "changes",
    [
        {"iscrowd": "0"},
        {"iscrowd": None},
        {"bbox": None},
        {"bbox": ["10", "10", "20", "30"]},
        {"area": "600"},
        {"segmentation": [RING, [1, 2, 3, 4]]},
        {"segmentation": [[10, 10], [30, 10], [30, 40], [10, 40]]},
        {"category_id": "1"},
        {"image_id": "3"},
    ],
)
def test_what_tools_write_is_read(prepared, tmp_path, changes):
    run = prepared([item | changes for item in annotations()] if "image_id" not in changes else
                   [item | {"image_id": str(item["image_id"])} for item in annotations()])  # fmt: skip
    assert run.code == 0, run.err
    assert rows(tmp_path) == 8


def test_outlines_of_photographs_as_shown_hold_for_the_whole_file(prepared, tmp_path):
    """Sizes as stored, outlines upright: the outline of one photograph fits no other way, those of the rest both."""
    folder = tmp_path / "my set, (1)=a/images"
    folder.mkdir(parents=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for number in range(1, 5):
        Image.new("RGB", (WIDTH, HEIGHT), (20 * number,) * 3).save(folder / f"p {number}.png", exif=exif)
    below = {"segmentation": [[10, 50, 30, 50, 30, 78, 10, 78]], "bbox": [10, 50, 20, 28]}
    run = prepared([item | (below if item["id"] == 3 else {}) for item in annotations()])
    assert run.code == 0, run.err
    assert rows(tmp_path) == 8
    report = json.loads((tmp_path / "data/mine/problems.json").read_text())
    assert any("photographs with an EXIF rotation are turned" in note for note in report["notes"])
    table = pq.read_table(tmp_path / "data/mine/rl", columns=["reward_model"]).to_pylist()
    sizes = [tuple(json.loads(row["reward_model"]["ground_truth"])["rle"]["size"]) for row in table]
    assert sorted(sizes) == [(HEIGHT, WIDTH)] * 4 + [(WIDTH, HEIGHT)] * 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(prepared, tmp_path, encoding):
    assert prepared(annotations(), encoding=encoding).code == 0
    assert rows(tmp_path) == 8


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bbox": [10, 10, 30, 40]}, "8 box_disagrees|it fits as x0, y0, x1, y1"),
        ({"segmentation": [[n / 100 for n in RING]], "bbox": [0.1, 0.1, 0.2, 0.3]}, "normalised|px are expected"),
        ({"iscrowd": 1}, "crowd|dataset.source.crowds=keep"),
        ({"bbox": [10, 10, 2, 2], "segmentation": [[10, 10, 12, 10, 12, 12]]}, "too_small|dataset.source.min_area=0"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [800, 20, WIDTH * HEIGHT - 820]}}, "box_disagrees"),
        ({"category_id": 7}, "bad_annotation|category 7 or its name is not in the file"),
    ],
)
def test_another_convention_is_named(prepared, changes, said):
    run = prepared(annotations(**changes))
    assert run.code == 2 and "Traceback" not in run.err
    for words in said.split("|"):
        assert words.removeprefix("8 ") in run.err
    assert "dataset.leakage" not in run.err


def test_one_bad_annotation_never_counts_for_its_neighbours(prepared, tmp_path):
    broken = annotations()
    broken[2] |= {"category_id": [1, 2]}
    run = prepared(broken)
    assert run.code == 0 and rows(tmp_path) == 7
    assert "1 bad_annotation (annotation 3: category_id is [1, 2], no id)" in run.out


def test_crowds_are_kept_when_asked(prepared, tmp_path):
    assert prepared(annotations(iscrowd=1), None, "dataset.source.crowds=keep").code == 0
    assert rows(tmp_path) == 8
    run = prepared(annotations(), None, "dataset.source.crowds=some")
    assert run.code == 2 and "dataset.source.crowds: 'some' is unknown; known: drop, keep" in run.err


def test_the_same_object_twice_is_one(prepared, tmp_path):
    run = prepared(annotations() + [item | {"id": item["id"] + 100} for item in annotations()])
    assert run.code == 0 and rows(tmp_path) == 8 and " duplicate (annotation 10" in run.out


def test_ids_that_start_again_in_every_image(prepared, tmp_path):
    right = {"segmentation": [[n + (0 if i % 2 else 40) for i, n in enumerate(RING)]], "bbox": [50, 10, 20, 30]}
    items = [item | {"id": 1} for item in annotations()] + [item | right | {"id": 2} for item in annotations()]
    run = prepared(items)
    assert "annotation ids start again in every image" in run.out + run.err


def test_paths_of_another_machine(prepared, tmp_path):
    images = [
        {"id": n, "file_name": rf"C:\label\media\4\p{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(1, 9)
    ]
    run = prepared(annotations(), images)
    assert run.code == 0 and rows(tmp_path) == 8
    assert "8 images found by the end of their path" in run.out


def test_without_a_size_left_and_right_are_still_told_apart(prepared, tmp_path):
    images = [{"id": n, "file_name": f"p{n}.png"} for n in range(1, 9)]
    below = {"segmentation": [[10, 42, 30, 42, 30, 58, 10, 58]], "bbox": [10, 42, 20, 16], "area": 320}
    run = prepared(annotations() + [item | below | {"id": item["id"] + 100} for item in annotations()], images,
                   "dataset.source.expressions=[side]")  # fmt: skip
    assert run.code == 2 and "ambiguous" in run.err, "one above the other is neither left nor right"


def test_an_outline_that_fits_the_upright_photograph_only(prepared, tmp_path):
    file = tmp_path / "my set, (1)=a/images/p 3.png"
    file.parent.mkdir(parents=True)
    exif = Image.Exif()
    exif[274] = 6  # shown turned by a quarter
    Image.new("RGB", (WIDTH, HEIGHT), (9, 9, 9)).save(file, format="JPEG", exif=exif)
    items = annotations()
    items[2] |= {"segmentation": [[10, 50, 40, 50, 40, 78, 10, 78]], "bbox": [10, 50, 30, 28], "area": 840}
    run = prepared(items)
    assert run.code == 0, run.err
    assert rows(tmp_path) == 8 and "1 rotated" in run.out, run.out


def test_a_panoptic_file_is_refused_by_name(tmp_path):
    file = tmp_path / "panoptic.json"
    file.write_text(json.dumps({"images": [], "annotations": [{"image_id": 1, "segments_info": []}]}))
    with pytest.raises(UserError, match=r"is a panoptic file \(segments_info\)"):
        Instances.read(file)


def test_a_share_that_no_size_mentions_is_written(prepared, tmp_path):
    run = prepared(annotations(), test=", test: 0.5")
    assert run.code == 0, run.err
    assert rows(tmp_path) == 8


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"images": [], "annotations": {"1": {}}}, "`annotations` is no list"),
        (
            {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}, {"id": "1", "name": "dog"}]},
            "category id 1 stands for cat and dog",
        ),
    ],
)
def test_what_could_mean_two_things_is_refused(tmp_path, content, said):
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=said):
        Instances.read(file)


@pytest.mark.parametrize(
    "changes", [{}, {"segmentation": [[n / 3 for n in RING]]}, {"id": "1"}, {"bbox": "x"}, {"id": 3}]
)
def test_a_file_read_entry_by_entry_is_the_same(tmp_path, monkeypatch, changes):
    rows = [item | changes for item in annotations()] + [{"id": 99}, 7]
    images = [{"id": n, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(1, 9)]
    file = tmp_path / "instances.json"
    file.write_text(json.dumps({"annotations": rows, "categories": [{"id": 1, "name": "cat"}], "images": images}))
    whole = Instances.read(file), Instances.read(file, wanted={3})
    monkeypatch.setattr(coco_instances, "STREAMED_BYTES", 0)
    assert (Instances.read(file), Instances.read(file, wanted={3})) == whole
    assert len(whole[0].annotations) > 1


@pytest.mark.parametrize(
    "content", ['{"images": [', "[]", "{}", '{"images": {"1": {}}}', '{"images": [{"id": [1]}]}', "", "\x00"]
)
def test_a_broken_file_read_entry_by_entry_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.setattr(coco_instances, "STREAMED_BYTES", -1)
    (tmp_path / "instances.json").write_text(content)
    with pytest.raises(UserError, match=r"instances\.json"):
        Instances.read(tmp_path / "instances.json")


def test_what_two_outlines_of_an_object_cover_is_kept(prepared, tmp_path):
    other = [20, 10, 40, 10, 40, 40, 20, 40]
    run = prepared(annotations(segmentation=[RING, other], bbox=[10, 10, 30, 30]))
    assert run.code == 0, run.err
    table = pq.read_table(tmp_path / "data/mine/rl", columns=["reward_model"]).to_pylist()
    targets = [Target.from_json(row["reward_model"]["ground_truth"]) for row in table]
    assert {(target.mask.sum(), rle_decode(target.twice).sum()) for target in targets} == {(900, 300)}


def test_a_category_without_a_name_names_nothing(prepared):
    for name in (None, " "):
        run = prepared(annotations(), categories=[{"id": 1, "name": name}])
        assert run.code == 2 and "category 1 or its name is not in the file" in run.err


def test_accents_are_found_in_either_spelling(prepared, tmp_path):
    names = [unicodedata.normalize("NFC", f"caf\u00e9 {n}.png") for n in range(1, 9)]
    (tmp_path / "my set, (1)=a/images").mkdir(parents=True)
    for shade, name in enumerate(names):
        picture = np.full((HEIGHT, WIDTH, 3), 20 * shade, np.uint8)
        cv2.imwrite(str(tmp_path / "my set, (1)=a/images" / unicodedata.normalize("NFD", name)), picture)
    images = [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names, start=1)]
    run = prepared(annotations(), images, write_images=False)
    assert run.code == 0, run.err
    assert rows(tmp_path) == 8
