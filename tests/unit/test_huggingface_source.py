"""Hugging Face tables in the layouts of the common RefCOCO conversions, and the ways they can be wrong."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.huggingface import HuggingFace
from data.problems import BadRow
from data.sources import open_source
from polygon import UserError, rle_decode, rle_encode

RING = [10, 5, 30, 5, 30, 25, 10, 25]
MASK_HW = np.zeros((48, 80), np.bool_)
MASK_HW[5:25, 10:30] = True
COLUMNS = {"image": "image", "expressions": "answer", "segmentation": "segmentation", "box": "bbox"}
LMMS = {**COLUMNS, "image_id": "file_name", "ann_id": "question_id"}


def jpeg(value: int = 0) -> bytes:
    return cv2.imencode(".jpg", np.full((48, 80, 3), value, np.uint8))[1].tobytes()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Where `datasets` keeps tables: not in the home of whoever runs the tests."""
    datasets = pytest.importorskip("datasets", reason="tables of Hugging Face need the package datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def table(folder: Path, **options) -> HuggingFace:
    common = {"path": str(folder), "split_names": {"val": "val"}, "columns": COLUMNS}
    return HuggingFace.from_config({"name": "set", **common, **options})


def write(path: Path, rows: list[dict], schema: pa.Schema | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path


def lmms_rows(count: int = 3) -> list[dict]:
    """As lmms-lab/RefCOCO: the image in the row, one flat polygon, x y width height."""
    return [
        {
            "question_id": f"{number}",
            "image": {"bytes": jpeg(number), "path": None},
            "question": "Please describe it.",
            "answer": ["man in red", "left man"][: 1 + number % 2],
            "segmentation": [float(value) for value in RING],
            "bbox": [10.0, 5.0, 20.0, 20.0],
            "iscrowd": 0,
            "file_name": f"COCO_train2014_{581857 + number:012d}_{number}.jpg",
        }
        for number in range(count)
    ]


def check(source: HuggingFace, split: str = "val") -> list:
    samples = [source.sample(split, index, "text2mask") for index in range(source.size(split))]
    for sample in samples:
        assert np.array_equal(rle_decode(sample.rle), MASK_HW)
        assert sample.box == (10 / 80, 5 / 48, 30 / 80, 25 / 48)
        assert sample.pixels().shape == (48, 80, 3)
    return samples


@pytest.mark.parametrize("file", ["data/val-00000-of-00001.parquet", "val.parquet", "default/val/0000.parquet"])
def test_images_in_the_table(tmp_path, file):
    write(tmp_path / "set" / file, lmms_rows())
    write(tmp_path / "set/data/test-00000-of-00001.parquet", lmms_rows(1))
    source = table(tmp_path / "set", columns=LMMS, photographs="mscoco")
    samples = check(source)
    assert sorted(s.expression for s in samples) == ["left man", "man in red", "man in red", "man in red"]
    assert {(s.ann_id, s.image_id) for s in samples} == {(f"{n}", f"coco/{581857 + n:012d}") for n in range(3)}
    assert [round(np.mean(s.pixels())) for s in sorted(samples, key=lambda s: s.sample_id)] == [
        int(s.ann_id) for s in sorted(samples, key=lambda s: s.sample_id)
    ]
    assert source.expression_counts("val") == [1, 2, 1]


def test_the_example_of_the_configuration_reads_that_layout(tmp_path, repo_root):
    from omegaconf import OmegaConf

    node = OmegaConf.to_container(OmegaConf.load(repo_root / "conf/dataset/huggingface.yaml"))
    for split in ("val", "testA", "testB"):
        write(tmp_path / f"set/data/{split}-00000-of-00001.parquet", lmms_rows())
    node["source"]["path"] = str(tmp_path / "set")
    source = open_source(node)
    for split in source.splits:
        assert len(check(source, split)) == 4


def test_images_in_a_folder_and_fields_in_json_text(tmp_path):
    """As jxu124/refcoco: paths, REFER's entries as JSON text, x0 y0 x1 y1."""
    (tmp_path / "photos/coco/train2014").mkdir(parents=True)
    (tmp_path / "photos/coco/train2014/COCO_train2014_000000581857.jpg").write_bytes(jpeg())
    row = {
        "image_path": "coco/train2014/COCO_train2014_000000581857.jpg",
        "sentences": [{"raw": "The Man.", "sent": "the man"}, {"raw": "HIM", "sent": "him"}],
        "raw_anns": json.dumps({"segmentation": [RING], "bbox": [10, 5, 20, 20]}),
        "raw_image_info": json.dumps({"height": 48, "width": 80}),
        "bbox": [10.0, 5.0, 30.0, 25.0],
        "image_id": 581857,
        "ref_id": 7,
    }
    columns = {
        "image": "image_path",
        "expressions": "sentences.sent",
        "segmentation": "raw_anns.segmentation",
        "box": "bbox",
        "image_id": "image_id",
        "ann_id": "ref_id",
        "height": "raw_image_info.height",
        "width": "raw_image_info.width",
    }
    write(tmp_path / "set/validation.parquet", [row])
    options = {"columns": columns, "split_names": {"val": "validation"}, "box_format": "xyxy", "photographs": "mscoco"}
    source = table(tmp_path / "set", images=str(tmp_path / "photos"), **options)
    samples = check(source)
    assert {s.expression for s in samples} == {"the man", "him"}
    assert {(s.ann_id, s.image_id) for s in samples} == {("7", "coco/000000581857")}
    assert isinstance(samples[0].image, str)
    assert source.records("val")[0].height == 48


def test_several_objects_a_row(tmp_path):
    """As moondream/refcoco-m: a row an image, its objects a list, masks as run lengths."""
    objects = [
        {"id": 5, "sentences": ["a", "b"], "bbox": [10.0, 5.0, 20.0, 20.0], "mask": rle_encode(MASK_HW)},
        {"id": 6, "sentences": ["c"], "bbox": [10.0, 5.0, 20.0, 20.0], "mask": rle_encode(MASK_HW)},
    ]
    rows = [
        {"image": {"bytes": jpeg(), "path": None}, "file_name": "COCO_train2014_000000000009.jpg", "samples": objects},
        {"image": {"bytes": jpeg(), "path": None}, "file_name": "COCO_train2014_000000000010.jpg", "samples": []},
    ]
    write(tmp_path / "set/val.parquet", rows)
    columns = {"image": "image", "expressions": "sentences", "segmentation": "mask", "box": "bbox", "ann_id": "id"}
    source = table(tmp_path / "set", columns={**columns, "image_id": "file_name"}, each="samples")
    samples = check(source)
    assert sorted((s.ann_id, s.expression) for s in samples) == [("5", "a"), ("5", "b"), ("6", "c")]
    assert {s.image_id for s in samples} == {"set/COCO_train2014_000000000009.jpg"}


def test_tables_saved_by_the_package_and_single_files(tmp_path):
    import datasets

    features = datasets.Features(
        image=datasets.Image(),
        answer=datasets.List(datasets.Value("string")),
        bbox=datasets.List(datasets.Value("float")),
    )
    rows = [{key: row[key] for key in ("image", "answer", "bbox")} for row in lmms_rows()]
    saved = datasets.Dataset.from_list(rows, features=features)
    columns = {"image": "image", "expressions": "answer", "box": "bbox"}
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"validation": saved}).save_to_disk(tmp_path / "dict")
    saved.to_parquet(tmp_path / "file.parquet")
    for path, theirs in (("one", "any"), ("dict", "validation"), ("file.parquet", "any")):
        source = table(tmp_path / path, columns=columns, split_names={"val": theirs})
        samples = [source.sample("val", index, "text2box") for index in range(source.size("val"))]
        assert len(samples) == 4
        assert {s.box for s in samples} == {(10 / 80, 5 / 48, 30 / 80, 25 / 48)}
        assert len({s.image_id for s in samples}) == 3, "images without a name are told apart by their bytes"
    with pytest.raises(UserError, match=r"cannot open 'train' of .*dict"):
        table(tmp_path / "dict", columns=columns, split_names={"val": "train"}).size("val")


def test_what_is_wrong_with_a_row_is_a_bad_row(tmp_path):
    changes = [
        {},
        {"segmentation": "{"},
        {"segmentation": json.dumps({"counts": 3})},
        {"answer": None},
        {"image": b""},
        {"image": b"no image"},
        {"bbox": [1.0, 2.0]},
        {"segmentation": None, "bbox": None},
    ]
    rows = [{"image": jpeg(), "answer": "x", "segmentation": json.dumps([RING]), "bbox": [10.0, 5.0, 20.0, 20.0]}] * 8
    write(tmp_path / "set/val.parquet", [{**row, **change} for row, change in zip(rows, changes, strict=True)])
    source = table(tmp_path / "set")
    reasons = {}
    for index in range(source.size("val")):
        record = source.records("val")[source.place("val", index)[0]]
        try:
            reasons[int(record.ann_id)] = source.sample("val", index, "text2mask").box
        except BadRow as bad:
            reasons[int(record.ann_id)] = bad.reason
            assert "row" in bad.detail or record.ann_id in "345"
    assert [reasons[number] for number in range(8)] == [
        (10 / 80, 5 / 48, 30 / 80, 25 / 48),
        "bad_annotation",
        "bad_annotation",
        "no_expression",
        "undecodable_image",
        "undecodable_image",
        "bad_annotation",
        None,  # nothing is meant
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": {"picture": "image"}}, r"columns\.picture: unknown key; known: image, expressions,"),
        ({"columns": {"image": "image"}}, r"columns has no expressions"),
        ({"columns": {"image": "image", "expressions": "answer", "box": None}}, r"columns has no segmentation or box"),
        ({"box_format": "yolo"}, r"box_format: 'yolo' is unknown; known: xywh, xyxy, cxcywh"),
        ({"box_range": 0.0}, r"box_range: 0.* is no number above 0"),
        ({"split_names": {}}, r"split_names is empty"),
        ({"split_names": {"val": "dev"}}, r"has no \*\*/dev-\*\.parquet or .*; its parquet files: val\.parquet"),
        ({"columns": {"image": "img", "expressions": "answer", "box": "bbox"}}, r"has no column 'img'; it has image, "),
        ({"each": "samples"}, r"has no column 'samples'; it has image, "),
        ({"path": "/nowhere/at/all"}, r"nowhere/at/all is no file or folder, and no owner/name of the hub"),
        ({"path": "???"}, r"dataset\.source\.path is not set: name a parquet file"),
    ],
)
def test_bad_configuration_is_named(tmp_path, options, message):
    rows = [{"image": jpeg(), "answer": "x", "segmentation": "[]", "bbox": [1.0, 2.0, 3.0, 4.0]}]
    write(tmp_path / "set/val.parquet", rows)
    options = {"path": str(tmp_path / "set"), "columns": COLUMNS, **options}
    with pytest.raises(UserError, match=message):
        HuggingFace.from_config({"name": "set", "split_names": {"val": "val"}, **options}).size("val")


def test_a_dataset_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    import datasets

    def offline(*arguments, **options):
        raise ConnectionError("no network\nand more")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(UserError, match=r"^cannot open 'val' of nobody/nothing: no network$"):
        table(Path("nobody/nothing")).size("val")
    write(tmp_path / "set/val.parquet", lmms_rows())
    (tmp_path / "set/val.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match=r"^cannot open 'val' of "):
        table(tmp_path / "set").size("val")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="needs a package: pip install datasets"):
        table(tmp_path / "set").size("val")
