"""The same command writes the same bytes, however many processes write and whatever OpenCV's threads do."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from data.interior import interior_point, pole
from data.prepare import prepare
from polygon.distances import squared_distances

TASKS = {"text2mask": 1, "text2point": 1, "point2mask": 1}


def blobs(count: int) -> list[np.ndarray]:
    """Random round outlines, (N, 2) in px of a 40 x 60 image: many pixels are nearly the deepest."""
    rng, angles = np.random.default_rng(0), np.linspace(0, 2 * np.pi, 24, endpoint=False)
    made = []
    for _ in range(count):
        radii = rng.uniform(9, 16, 24)
        made.append(np.stack([30 + radii * np.cos(angles), 20 + radii * np.sin(angles)], axis=1).round(1))
    return made


@pytest.fixture
def round_rows(rows):
    for row, ring in zip(rows, blobs(len(rows)), strict=True):
        x0, y0, x1, y1 = (*ring.min(0).tolist(), *ring.max(0).tolist())
        row |= {"segmentations": [[ring.ravel().tolist()]], "box_px": [x0, y0, x1, y1]}
    return rows


def test_any_number_of_workers(tmp_path, round_rows, config, contents):
    made = {}
    for workers in (1, 2, 4):
        settings = config(tmp_path, round_rows, task={"weights": TASKS}, rl_task={"weights": TASKS})
        root = str(tmp_path / f"data{workers}")
        made[workers] = contents(prepare(settings | {"workers": workers, "data_root": root}))
    assert made[1] == made[2] == made[4]


def test_fresh_processes_with_other_threads(tmp_path, contents):
    """As a user gives the command twice, on machines where OpenCV takes another implementation."""
    made = []
    for number, threads in enumerate(("1", "2")):
        words = [f"data_root={tmp_path / threads}", "dataset=shapes_hard", "card=null", f"workers={number + 1}"]
        sizes = ["dataset.sizes.sft.train=40", "dataset.sizes.rl.train=40", "task@rl_task=text2point"]
        sizes += ["dataset.sizes.sft.val=8", "dataset.sizes.rl.val=8", "dataset.sizes.rl.test=8"]
        environment = os.environ | {"OPENCV_FOR_THREADS_NUM": threads}
        subprocess.run([sys.executable, "-m", "data.prepare", *words, *sizes], check=True, env=environment)
        made.append(contents(tmp_path / threads / "shapes_hard"))
    assert made[0] == made[1]


def test_the_last_bit_of_a_distance_decides_nothing(monkeypatch):
    """OpenCV's implementations differ there: of two pixels equally deep, any could win."""
    bar = np.zeros((90, 120), np.uint8)
    cv2.fillPoly(bar, [np.array([[10, 40], [40, 10], [110, 60], [80, 80]])], 1)
    masks = [np.pad(np.ones((40, 80), bool), 20), bar.astype(bool)]
    true, noise = cv2.distanceTransform, np.random.default_rng(2)

    def found():
        return [(pole(m), interior_point(m, np.random.default_rng(n))) for m in masks for n in range(20)]

    def shaken(*arguments):
        exact_HW = true(*arguments)
        return np.where(noise.random(exact_HW.shape) < 0.5, np.nextafter(exact_HW, np.float32(0)), exact_HW)

    before = found()
    monkeypatch.setattr(cv2, "distanceTransform", shaken)
    assert found() == before


def test_distances_are_whole_squares():
    """Against every pair of pixels, where OpenCV's own floats are off in the last bit."""
    rng = np.random.default_rng(1)
    pixels_HW = (rng.random((40, 50)) < 0.97).astype(np.uint8)
    zeros_N2 = np.argwhere(pixels_HW == 0)
    places_HW2 = np.stack(np.indices(pixels_HW.shape), axis=-1)
    expected_HW = ((places_HW2[:, :, None] - zeros_N2) ** 2).sum(-1).min(-1)
    assert np.array_equal(squared_distances(pixels_HW), expected_HW)
