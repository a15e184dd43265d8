"""What is wrong with a REFER folder, in a file, between two, or with one entry, is said; the rest of it is read."""

import json
import pickle
import shutil
from pathlib import Path

import pytest

from data.problems import BadRow
from data.refer import Refer
from polygon import UserError


def refer(folder: Path, **options) -> Refer:
    common = {"name": "refcoco", "root": str(folder), "dataset": "refcoco", "split_by": "unc"}
    return Refer.from_config({**common, **options})


@pytest.fixture
def folder(build_refer_folder, tmp_path) -> Path:
    """One that a test may damage."""
    return build_refer_folder(tmp_path / "refer", scenes=8)


def instances(folder: Path, dataset: str = "refcoco") -> dict:
    return json.loads((folder / dataset / "instances.json").read_text())


def write_instances(folder: Path, content: dict, dataset: str = "refcoco") -> None:
    (folder / dataset / "instances.json").write_text(json.dumps(content))


def refs(folder: Path) -> list[dict]:
    return pickle.loads((folder / "refcoco/refs(unc).p").read_bytes())


def write_refs(folder: Path, content: list[dict]) -> None:
    (folder / "refcoco/refs(unc).p").write_bytes(pickle.dumps(content, protocol=2))


def problems(source: Refer, split: str = "train", task: str = "text2mask") -> list[str]:
    """The reasons of a split's bad texts, in order of their indices."""
    found = []
    for index in range(source.size(split)):
        try:
            source.sample(split, index, task)
        except BadRow as bad:
            found.append(str(bad))
    return found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"segmentation": [[1, 2, 3]]}, "bad_annotation"),
        ({"segmentation": [["a"] * 6]}, "bad_annotation"),
        ({"segmentation": [[float("nan")] * 6]}, "bad_annotation"),
        ({"segmentation": "polygon"}, "bad_annotation"),
        ({"segmentation": {"size": [9, 9], "counts": [81]}}, "bad_annotation"),
        ({"segmentation": {"size": [128, 128], "counts": [5, 10**9]}}, "bad_annotation"),
        ({"segmentation": {"size": [128, 128], "counts": "\u00ff~~~~"}}, "bad_annotation"),
        ({"segmentation": [[3, 3, 4, 4]]}, "empty_mask"),
        ({"segmentation": [[3.1, 3.1, 3.2, 3.1, 3.2, 3.2]]}, "empty_mask"),
        ({"segmentation": {"size": [128, 128], "counts": [128 * 128]}}, "empty_mask"),
        ({"segmentation": [[0, 0, 1e15, 0, 0, 1e15]]}, "outside_image"),
        ({"segmentation": [[200, 200, 240, 200, 200, 240]]}, "outside_image"),
        ({"bbox": [200, 10, 20, 20]}, "outside_image"),
        ({"segmentation": [], "bbox": [1, 2, 3, 4]}, "no_mask"),
        ({"image_id": 1}, "bad_annotation: refs(unc).p: ref 7000: annotation 7000 is of another image"),
        ({"id": 1}, "bad_annotation: refs(unc).p: ref 7000: annotation 7000 is not in instances.json"),
    ],
)
def test_a_bad_annotation_is_a_bad_row_with_its_reason(folder, change, reason):
    content = instances(folder)
    content["annotations"][0] |= change
    assert content["annotations"][0]["id"] in (7000, 1)
    write_instances(folder, content)
    texts = len(refer(folder).records("train")[0].expressions)
    found = problems(refer(folder))
    assert len(found) == texts
    assert all(problem.startswith(reason) for problem in found), found


def test_ids_that_occur_twice_and_entries_that_are_none(folder):
    entries = refs(folder)
    train = [entry for entry in entries if entry["split"] == "train"]
    del train[1]["sentences"]
    train[2]["image_id"] = [1]
    train[3]["sentences"] = []
    train[4]["image_id"] = 12345
    write_refs(folder, [*entries, train[0]])
    content = instances(folder)
    content["annotations"].append(next(a for a in content["annotations"] if a["id"] == train[5]["ann_id"]))
    write_instances(folder, content)
    details = "\n".join(sorted(set(problems(refer(folder)))))
    for expected in (
        f"duplicate_id: refs(unc).p: ref {train[0]['ref_id']} occurs twice",
        f"bad_annotation: refs(unc).p: ref {train[1]['ref_id']}: KeyError 'sentences'",
        f"bad_annotation: refs(unc).p: ref {train[2]['ref_id']}: TypeError unhashable",
        f"no_expression: refcoco train {train[3]['ann_id']} has none",
        f"bad_annotation: refs(unc).p: ref {train[4]['ref_id']}: image 12345 is not in instances.json",
        f"duplicate_id: annotation {train[5]['ann_id']} occurs twice in instances.json",
    ):
        assert expected in details


def test_missing_files_are_named_with_the_layout_that_is_expected(folder):
    (folder / "refcoco/refs(unc).p").rename(folder / "refcoco/refs(google).p")
    with pytest.raises(UserError, match=r"refs\(unc\)\.p is missing; .* has refs\(google\)\.p: name the folder that"):
        refer(folder)
    assert refer(folder, split_by="google").size("train")
    assert refer(folder, refs="refs(google).p").size("train")
    with pytest.raises(UserError, match=r"refcoco9.instances\.json is missing; dataset\.source\.root: name the folder"):
        refer(folder, dataset="refcoco9")
    shutil.rmtree(folder / "images")
    with pytest.raises(UserError, match=r"expected images/mscoco/images/train2014 or images/train2014 or"):
        refer(folder, split_by="google")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no whole JSON file"),
        ("[" * 100_000, "is no whole JSON file"),
        ("[]", "is no COCO instances file: TypeError"),
        ('{"annotations": []}', "is no COCO instances file: KeyError 'images'"),
        ('{"images": [{"id": 1, "file_name": "a", "height": "tall"}], "annotations": []}', "is no COCO instances file"),
    ],
)
def test_what_is_no_instances_file(folder, content, message):
    (folder / "refcoco/instances.json").write_text(content)
    with pytest.raises(UserError, match=message):
        list(refer(folder).records("train"))


@pytest.mark.parametrize("content", [{}, [1], [{"split": 3}], "refs"])
def test_what_is_no_list_of_references(folder, content):
    write_refs(folder, content)
    with pytest.raises(UserError, match="holds no list of references"):
        refer(folder).size("train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": 1}, r"^dataset\.source\.splits: unknown key; known: name, seed, decode_images, root, dataset"),
        ({"root": "???"}, r"^dataset\.source\.root is not set: name the folder that holds"),
        ({"seed": "0"}, r"^dataset\.source\.seed: '0' is of the wrong kind"),
        ({"seed": True}, r"^dataset\.source\.seed: True is of the wrong kind"),
        ({"photographs": "flickr"}, r"^dataset\.source\.photographs: 'flickr' is unknown; known: mscoco, saiapr"),
    ],
)
def test_bad_configuration_is_named(refer_folder, options, message):
    with pytest.raises(UserError, match=message):
        refer(refer_folder, **options)
