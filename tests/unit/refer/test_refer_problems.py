"""What is wrong with a REFER folder, in a file, between two, or with one entry, is said; the rest of it is read."""

import shutil

import pytest

from polygon import UserError


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
    content = folder.instances()
    content["annotations"][0] |= change
    assert content["annotations"][0]["id"] in (7000, 1)
    folder.write_instances(content)
    texts = len(folder.source().records("train")[0].expressions)
    found = folder.problems()
    assert len(found) == texts
    assert all(problem.startswith(reason) for problem in found), found


def test_ids_that_occur_twice_and_entries_that_are_none(folder):
    entries = folder.refs()
    train = [entry for entry in entries if entry["split"] == "train"]
    del train[1]["sentences"]
    train[2]["image_id"] = [1]
    train[3]["sentences"] = []
    train[4]["image_id"] = 12345
    folder.write_refs([*entries, train[0]])
    content = folder.instances()
    content["annotations"].append(next(a for a in content["annotations"] if a["id"] == train[5]["ann_id"]))
    folder.write_instances(content)
    details = "\n".join(sorted(set(folder.problems())))
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
    (folder.path / "refcoco/refs(unc).p").rename(folder.path / "refcoco/refs(google).p")
    with pytest.raises(UserError, match=r"refs\(unc\)\.p is missing; .* has refs\(google\)\.p: name the folder that"):
        folder.source()
    assert folder.source(split_by="google").size("train")
    assert folder.source(refs="refs(google).p").size("train")
    with pytest.raises(UserError, match=r"refcoco9.instances\.json is missing; dataset\.source\.root: name the folder"):
        folder.source(dataset="refcoco9")
    shutil.rmtree(folder.path / "images")
    with pytest.raises(UserError, match=r"expected images/mscoco/images/train2014 or images/train2014 or"):
        folder.source(split_by="google")


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
    (folder.path / "refcoco/instances.json").write_text(content)
    with pytest.raises(UserError, match=message):
        list(folder.source().records("train"))


@pytest.mark.parametrize("content", [{}, [1], [{"split": 3}], "refs"])
def test_what_is_no_list_of_references(folder, content):
    folder.write_refs(content)
    with pytest.raises(UserError, match="holds no list of references"):
        folder.source().size("train")


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
def test_bad_configuration_is_named(whole, options, message):
    with pytest.raises(UserError, match=message):
        whole.source(**options)
