"""REFER folders: what their files say comes out as samples, and what is wrong between them is said."""

import json

import cv2
import numpy as np
import pytest

from data.sources import open_source
from data.task import TASKS
from polygon import mask_iou, rle_decode

SPLITS = {"refcoco": ("train", "val", "testA", "testB"), "refcocog": ("train", "val", "test")}


@pytest.mark.parametrize("dataset", ["refcoco", "refcoco+", "refcocog", "refclef", "grefcoco"])
def test_every_text_of_every_split_is_a_sample(whole, dataset):
    source = whole.source(dataset)
    assert source.splits == SPLITS.get(dataset, SPLITS["refcoco"])
    for split in source.splits:
        samples = [source.sample(split, index, "text2mask") for index in range(source.size(split))]
        said = [(r.ann_id, r.image_id, text) for r in source.records(split) for text in r.expressions]
        assert sorted((s.ann_id, s.image_id, s.expression) for s in samples) == sorted(said)
        assert said
        for sample in samples:
            assert sample.pixels().shape == (128, 128, 3)
            assert (sample.split, sample.source) == (split, dataset)


def test_masks_are_the_objects_that_were_drawn(whole):
    """Polygons lose half a pixel at the border, and JPEG blurs it."""
    for dataset, least in (("refclef", 0.9), ("refcoco", 0.8)):
        source = whole.source(dataset)
        for index in range(source.size("train")):
            sample = source.sample("train", index, "text2mask")
            pixels_HW3 = sample.pixels().astype(int)
            mask_HW = sample.target().mask
            colour = np.median(pixels_HW3[mask_HW], axis=0)
            drawn_HW = np.abs(pixels_HW3 - colour).max(axis=2) < 40
            _, labels_HW = cv2.connectedComponents(drawn_HW.astype(np.uint8))
            label = np.bincount(labels_HW[mask_HW]).argmax()
            assert mask_iou(labels_HW == label, mask_HW) > least


def test_every_task_can_be_asked(whole):
    source = whole.source()
    for task in TASKS:
        sample = source.sample("val", 0, task)
        assert sample.task == task
        assert (sample.expression is None) == (sample.prompt_region is not None)
        assert sample == source.sample("val", 0, task)
    assert len({source.sample("val", 0, task).ann_id for task in TASKS}) == 1


def test_several_objects_are_one_target_and_none_is_an_empty_one(whole):
    source, parts = whole.source("grefcoco"), whole.source()
    masks = {}
    for index in range(parts.size("train")):
        sample = parts.sample("train", index, "text2mask")
        masks[sample.ann_id] = sample.target().mask
    kinds = set()
    for index in range(source.size("train")):
        sample = source.sample("train", index, "text2mask")
        union_HW = np.any([masks[part] for part in sample.ann_id.split("+") if part != "none"] or [[False]], axis=0)
        assert np.array_equal(np.broadcast_to(union_HW, (128, 128)), sample.target().mask)
        assert (sample.box is None) == (sample.ann_id == "none")
        kinds.add(sample.ann_id.count("+"))
    assert len(kinds) > 1
    for index in range(source.size("train")):
        sample = source.sample("train", index, "point2mask")
        is_one = sample.ann_id != "none" and "+" not in sample.ann_id
        assert sample.task == ("point2mask" if is_one else "text2mask")
        assert (sample.expression is None) == is_one


def test_crowd_regions_among_several_objects_are_left_out_and_alone_are_targets(folder):
    content = folder.instances("grefcoco")
    several = next(
        r for r in json.loads((folder.path / "grefcoco/grefs(unc).json").read_text()) if len(r["ann_id"]) > 1
    )
    by_id = {item["id"]: item for item in content["annotations"]}
    by_id[several["ann_id"][0]]["iscrowd"] = 1
    folder.write_instances(content, "grefcoco")
    source = folder.source("grefcoco")
    records = [record for split in source.splits for record in source.records(split)]
    record = next(r for r in records if r.ann_id == "+".join(map(str, several["ann_id"])))
    assert len(record.segmentations) == len(several["ann_id"]) - 1
    for ann_id in several["ann_id"]:
        by_id[ann_id]["iscrowd"] = 1
    folder.write_instances(content, "grefcoco")
    folder.write_instances(content)
    source = folder.source("grefcoco")
    crowd = [r.problem[0] for split in source.splits for r in source.records(split) if r.problem]
    assert crowd == ["crowd"]
    assert not [text for split in folder.source().splits for text in folder.problems(split)]


def test_segmentations_of_every_kind(folder):
    """Polygons, several parts, run lengths alone, in a list, compressed or not: one mask."""
    content = folder.instances()
    item = content["annotations"][0]
    forms = {
        "part": [[10, 10, 30, 10, 30, 30, 10, 30]],
        "parts": [[10, 10, 20, 10, 20, 30, 10, 30], [20, 10, 30, 10, 30, 30, 20, 30], [1, 2, 3, 4]],
        "flat": [10, 10, 30, 10, 30, 30, 10, 30],
        "counts": {"size": [128, 128], "counts": [10 * 128 + 10, *[20, 108] * 19, 20, 97 * 128 + 98 + 128]},
    }
    forms["counts"]["counts"][-1] = 128 * 128 - sum(forms["counts"]["counts"][:-1])
    forms["list"] = [forms["counts"]]
    masks = {}
    for name, segmentation in forms.items():
        item |= {"segmentation": segmentation, "bbox": [10, 10, 20, 20]}
        folder.write_instances(content)
        source = folder.source()
        numbers = [source.place("train", index)[0] for index in range(source.size("train"))]
        index = numbers.index([record.ann_id for record in source.records("train")].index(str(item["id"])))
        masks[name] = rle_decode(source.sample("train", index, "text2mask").rle)
        assert masks[name].sum() == 400, name
    assert all(np.array_equal(masks["part"], mask_HW) for mask_HW in masks.values())


def test_photographs_are_found_in_every_usual_layout(folder):
    expected = folder.source().sample("train", 0, "text2mask").pixels()
    (folder.path / "images/mscoco/images/train2014").rename(folder.path / "images/train2014")
    assert np.array_equal(folder.source().sample("train", 0, "text2mask").pixels(), expected)
    (folder.path / "images/train2014").rename(folder.path / "elsewhere")
    assert np.array_equal(folder.source(images="elsewhere").sample("train", 0, "text2mask").pixels(), expected)
    saiapr = folder.path / "images/saiapr_tc-12"
    flat = folder.source("refclef").sample("train", 0, "text2mask").pixels()
    (saiapr / "00/images").mkdir(parents=True)
    for photo in saiapr.glob("*.jpg"):
        photo.rename(saiapr / "00/images" / photo.name)
    assert np.array_equal(folder.source("refclef").sample("train", 0, "text2mask").pixels(), flat)


def test_image_ids_agree_between_datasets_and_name_the_collection(whole):
    ids = {
        name: {r.image_id for split in whole.source(name).splits for r in whole.source(name).records(split)}
        for name in ("refcoco", "refcocog", "refclef")
    }
    assert ids["refcoco"] == ids["refcocog"]
    assert "coco/000000000700" in ids["refcoco"]
    assert "saiapr/703.jpg" in ids["refclef"]


def test_testab_belongs_to_both(folder):
    entries = folder.refs()
    entries[0]["split"] = "testAB"
    folder.write_refs(entries)
    source = folder.source()
    assert source.splits == ("train", "val", "testA", "testB")
    for split in ("testA", "testB"):
        assert str(entries[0]["ann_id"]) in {record.ann_id for record in source.records(split)}


def test_the_real_layout_of_coco_dev_is_read(shared):
    """Real photographs and outlines, with the expressions of people: refs.json in the place of a pickle."""
    root = shared / "data"
    if not (root / "coco_dev/refs.json").is_file():
        pytest.skip("no coco_dev/refs.json in the shared data")
    options = {"kind": "refer", "root": str(root), "dataset": "coco_dev", "split_by": "", "refs": "refs.json"}
    source = open_source({"name": "coco_dev", "source": {**options, "images": "coco_dev/images"}})
    assert source.splits == ("val",)
    samples = [source.sample("val", index, "text2mask") for index in range(source.size("val"))]
    assert len(samples) == 14
    assert "a tall brown and tan giraffe eating from a tree" in {sample.expression for sample in samples}
