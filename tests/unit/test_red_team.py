"""No trick of benchmarks/red_team.py pays, on scenes; the published table is of 200 COCO objects (docs/rewards.md)."""

from itertools import islice

import pytest

from benchmarks.red_team import PAYS, TRICKS, coco_masks, run, scene_masks, table
from polygon import Codec


@pytest.mark.parametrize("codec", [Codec(), Codec(epsilon=0.01, precision=2)], ids=["default", "coarse"])
def test_no_trick_pays_on_scenes(codec):
    found = run(scene_masks(3), codec, search=5)
    assert found.keys() == {*TRICKS, "random search"} and len(TRICKS) >= 15
    assert {name: max(values) for name, values in found.items() if max(values)[0] > PAYS} == {}
    assert "| random search |" in table(found)


def test_no_trick_pays_on_photographs(shared):
    annotations = shared / "data/coco_dev/instances.json"
    if not annotations.is_file():
        pytest.skip(f"no {annotations}")
    found = run(islice(coco_masks(annotations, 200), 4), Codec(), search=5)
    assert all(max(values)[0] <= PAYS for values in found.values())
