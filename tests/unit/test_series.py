"""A series: its splits are its members' behind each other, its samples keep the name of the dataset they are from."""

from collections import Counter

import pytest

from data.sources import open_source
from polygon import UserError

MEMBERS = {
    "refcoco": {"dataset": "refcoco", "split_by": "unc"},
    "refcocog": {"dataset": "refcocog", "split_by": "umd"},
    "refclef": {"dataset": "refclef", "split_by": "unc", "photographs": "saiapr"},
}
MEMBERS = {name: {"kind": "refer", **member} for name, member in MEMBERS.items()}


def series(root, members=MEMBERS, **options):
    return open_source(
        {"name": "series", "source": {"kind": "series", "root": str(root), "members": members, **options}}
    )


def test_splits_are_those_of_the_members_one_behind_the_other(refer_folder):
    source = series(refer_folder)
    members = {
        name: open_source({"name": name, "source": {**member, "root": str(refer_folder)}})
        for name, member in MEMBERS.items()
    }
    assert source.splits == ("train", "val", "testA", "testB", "test")
    for split in source.splits:
        parts = [member for member in members.values() if split in member.splits]
        assert source.size(split) == sum(part.size(split) for part in parts)
        assert list(source.records(split)) == [record for part in parts for record in part.records(split)]
        counted = Counter(source.sample(split, i, "text2box").source for i in range(source.size(split)))
        assert counted == {part.name: part.size(split) for part in parts}
    sample = source.sample("train", 3, "text2mask")
    assert sample.sample_id.startswith("series/train/text2mask/saiapr/703.jpg/")
    with pytest.raises(IndexError):
        source.records("val")[len(source.records("val"))]


def test_members_share_keys_and_can_be_left_out(refer_folder):
    source = series(refer_folder, {**MEMBERS, "refcocog": None}, decode_images=False, seed=3)
    assert [(m.name, m.decode_images, m.seed) for m in source.members] == [("refcoco", False, 3), ("refclef", False, 3)]
    assert (source.seed, source.decode_images) == (3, False)
    other = {"refcoco": {**MEMBERS["refcoco"], "decode_images": True}}
    assert series(refer_folder, other, decode_images=False).members[0].decode_images


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, r"dataset\.source\.members: \{\} has no member"),
        ({"a": None}, r"dataset\.source\.members: .* has no member"),
        (None, r"dataset\.source\.members: None has no member"),
        ({"a": {"kind": "shapes"}}, r"a of the series: dataset\.source\.root: unknown key"),
        ({"a": {**MEMBERS["refcoco"], "dataset": "b"}}, r"a of the series: .*instances\.json is missing"),
        ({"a": {"kind": "refr"}}, r"a of the series: dataset\.source\.kind: 'refr' is unknown; known: shapes, refer,"),
    ],
)
def test_bad_members_are_named(refer_folder, members, message):
    with pytest.raises(UserError, match=message):
        series(refer_folder, members)


def test_endless_sources_cannot_be_members():
    with pytest.raises(UserError, match=r"members\.a: shapes is endless"):
        open_source({"name": "s", "source": {"kind": "series", "members": {"a": {"kind": "shapes"}}}})
