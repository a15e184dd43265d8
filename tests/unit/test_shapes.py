"""Procedural scenes: exact, deterministic, disjoint by construction."""

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from data.layout import draw
from data.scene import COLOURS, SPLITS, layout_key, split_of
from data.shapes import Shapes
from polygon import UserError

ROOT = Path(__file__).parents[2]
LEVELS = pytest.mark.parametrize("name", ["shapes", "shapes_hard"])

# Another value means other data under the same name, and numbers that no longer compare.
PINNED = "cd57293b6c3bdac0"

PRINT_DIGEST = """
import hashlib
from data.shapes import Shapes
digest = hashlib.sha256()
for split in ("train", "val", "test"):
    sample = Shapes(no_target=0.5, expressions=("attributes", "positions")).sample(split, 11, "text2mask")
    digest.update(sample.image.tobytes() + repr(sample).encode())
print(digest.hexdigest())
"""


@cache
def level(name: str) -> Shapes:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = OmegaConf.to_container(compose("prepare", [f"dataset={name}"]).dataset, resolve=True)
    del config["source"]["kind"]
    return Shapes.from_config({"name": config["name"], **config["source"]})


def test_scenes_are_the_same_in_every_process():
    def run(hash_seed: str) -> bytes:
        environment = {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST], env=environment, check=True, capture_output=True
        ).stdout

    assert run("1") == run("2")


def test_scenes_are_pinned():
    scenes = [level(name).scene(split, 5) for name in ("shapes", "shapes_hard") for split in SPLITS]
    content = b"".join(scene.key.encode() + scene.image_HW3.tobytes() for scene in scenes)
    assert hashlib.sha256(content).hexdigest()[:16] == PINNED


def test_the_configured_level_is_the_default_one():
    assert level("shapes") == Shapes()


def test_a_scene_depends_on_seed_split_and_index_alone():
    demo = level("shapes")
    first_HW3 = demo.scene("val", 3).image_HW3
    demo.scene("train", 0)
    assert np.array_equal(demo.scene("val", 3).image_HW3, first_HW3)
    for other in (demo.scene("val", 4), demo.scene("test", 3), replace(demo, seed=1).scene("val", 3)):
        assert not np.array_equal(other.image_HW3, first_HW3)


@LEVELS
def test_splits_share_no_layout_whatever_the_seed(name):
    for seed in (0, 7):
        for split in SPLITS:
            for index in range(12):
                scene = replace(level(name), seed=seed).scene(split, index)
                assert layout_key(list(reversed(scene.objects)), level(name).image_size) == scene.key
                assert split_of(scene.key) == split


def test_most_layouts_are_train():
    keys = [hashlib.sha256(str(i).encode()).hexdigest()[:16] for i in range(8000)]
    shares = {split: sum(split_of(key) == split for key in keys) / len(keys) for split in SPLITS}
    assert shares == pytest.approx({"train": 14 / 16, "val": 1 / 16, "test": 1 / 16}, abs=0.01)


@LEVELS
def test_masks_are_the_visible_pixels(name):
    for index in range(60):
        scene = level(name).scene("train", index)
        painted_HW = np.zeros(scene.image_HW3.shape[:2], int)
        for item in scene.objects:
            painted_HW += item.mask_HW
            assert np.all(scene.image_HW3[item.mask_HW] == COLOURS[item.colour])
            assert item.area_px >= level(name).min_visible * item.full_area_px > 0
        assert painted_HW.max() == 1
        assert scene.image_HW3[painted_HW == 0].max() < 110, "a background could be taken for an object"


def test_levels_use_all_they_are_given():
    demo = [level("shapes").scene("train", index) for index in range(300)]
    objects = [item for scene in demo for item in scene.objects]
    assert {len(scene.objects) for scene in demo} == {1, 2, 3}
    assert {item.shape for item in objects} == set(level("shapes").shapes)
    assert {item.colour for item in objects} == set(COLOURS)
    assert all(len({(o.shape, o.colour) for o in scene.objects}) == len(scene.objects) for scene in demo)
    hard = [level("shapes_hard").scene("train", index) for index in range(100)]
    assert {len(scene.objects) for scene in hard} == {1, 2, 3, 4, 5, 6}
    assert any(item.area_px < item.full_area_px for scene in hard for item in scene.objects), "nothing is occluded"


@pytest.mark.parametrize(("shape", "parts", "holes"), [("ring", 1, 1), ("pair", 2, 0), ("crescent", 1, 0)])
def test_a_ring_has_a_hole_and_a_pair_two_parts(shape, parts, holes):
    mask_HW = draw(shape, (64, 64), 28, 15, 128).astype(np.uint8)
    assert cv2.connectedComponents(mask_HW)[0] - 1 == parts
    assert cv2.connectedComponents(1 - mask_HW, connectivity=4)[0] - 2 == holes


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"radios": 1}, "dataset.source.radios: unknown key; known: name, seed,"),
        ({"shapes": ["star", "blob"]}, "dataset.source.shapes: 'blob' is unknown; known: circle"),
        ({"shapes": []}, "dataset.source.shapes: '' is unknown"),
        ({"objects": 3}, "dataset.source.objects: 3 is of the wrong kind"),
        ({"objects": [3, 1]}, "dataset.source.objects must be"),
        ({"objects": [1, "two"]}, "dataset.source.objects: [1, 'two'] is of the wrong kind"),
        ({"seed": True}, "dataset.source.seed: True is of the wrong kind"),
        ({"no_target": 2}, "dataset.source.no_target must lie in [0, 1]; it is 2"),
        ({"shapes": ["star"], "colours": ["red"]}, "dataset.source.objects must be fewer than"),
    ],
)
def test_a_bad_level_is_named(config, message):
    with pytest.raises(UserError, match="^" + re.escape(message)):
        Shapes.from_config(config)


def test_a_level_that_can_name_nothing_says_so():
    with pytest.raises(UserError, match="superlatives named no object in"):
        Shapes(objects=(1, 1), expressions=("superlatives",)).scene("train", 0)
