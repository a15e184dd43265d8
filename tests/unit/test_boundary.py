"""Outline measures against brute force over all pairs of points, and against faster-coco-eval."""

import numpy as np
import pytest
from faster_coco_eval.core import mask as library
from pycocotools import mask as coco

from evaluation.measures.boundary import BoundarySettings, boundary_columns
from evaluation.measures.vertex_distance import vertex_columns
from polygon import Codec, Mask, UserError

RNG = np.random.default_rng(11)
SETTINGS = BoundarySettings(tolerances=(0.01, 0.05))
HEIGHT, WIDTH = 48, 64  # not 45 x 60: 2 % of its diagonal is 1.5 px, which the library rounds down and the paper up
DIAGONAL = 80.0


def blob(rng):
    """One or two discs, some cut by the image's border, some with a hole."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    mask_HW = np.zeros((HEIGHT, WIDTH), bool)
    for _ in range(rng.integers(1, 3)):
        distance_HW = np.hypot(x - rng.uniform(0, WIDTH), y - rng.uniform(0, HEIGHT))
        radius = rng.uniform(4, 18)
        mask_HW |= distance_HW <= radius
        mask_HW &= distance_HW >= rng.uniform(-1, 0.5) * radius
    return mask_HW


def edge_points(mask_HW):
    """(N, 2): pixels that have one of four neighbours outside."""
    padded = np.pad(mask_HW, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.argwhere(mask_HW & ~inner)


def nearest(a_N2, b_M2):
    apart = np.linalg.norm(a_N2[:, None] - b_M2[None], axis=2)
    return apart.min(axis=1), apart.min(axis=0)


def f_score(distances, limit):
    precision, recall = ((d <= limit).mean() for d in distances)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_boundary_columns_agree_with_brute_force_and_the_library():
    for _ in range(25):
        masks = [blob(RNG), blob(RNG)]
        if not all(mask.any() for mask in masks):
            continue
        columns = boundary_columns(*masks, SETTINGS, 1.0)
        distances = nearest(*map(edge_points, masks))
        assert columns["Hausdorff 95"] == pytest.approx(max(np.percentile(d, 95) for d in distances), rel=1e-6)
        for tolerance, column in SETTINGS.columns("Boundary F").items():
            assert columns[column] == pytest.approx(f_score(distances, tolerance * DIAGONAL))
        rles = [library.rleToBoundary(coco.encode(np.asfortranarray(mask, np.uint8)), SETTINGS.band) for mask in masks]
        assert columns["Boundary IoU"] == pytest.approx(np.asarray(library.iou(rles[:1], rles[1:], [0]))[0, 0])


def test_a_shift_of_three_pixels():
    a, b = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
    a[10:30, 10:30] = b[10:30, 13:33] = True
    columns = boundary_columns(a, b, SETTINGS, 1.0)
    assert columns["Hausdorff 95"] == 3.0
    assert columns["Boundary F@5%"] == 1.0  # 4 px
    assert columns["Boundary F@1%"] < 0.6


def to_segments(points_N2, rings):
    """Distance of each point to the nearest of all edges, by projection onto each."""
    best = np.full(len(points_N2), np.inf)
    for ring in rings:
        for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            along = end - start
            length = along @ along
            share = np.clip((points_N2 - start) @ along / length, 0, 1) if length else np.zeros(len(points_N2))
            best = np.minimum(best, np.linalg.norm(points_N2 - start - share[:, None] * along, axis=1))
    return best


def test_vertex_columns_agree_with_brute_force():
    for _ in range(20):
        a, b = (Mask(tuple(RNG.uniform(size=(RNG.integers(3, 9), 2)) for _ in range(RNG.integers(1, 3)))) for _ in "ab")
        columns = vertex_columns(a, b, (HEIGHT, WIDTH), 0.5, SETTINGS, 1.0)
        rings_a, rings_b = ([ring * (WIDTH, HEIGHT) for ring in mask.polygons] for mask in (a, b))
        a_N2, b_M2 = np.concatenate(rings_a), np.concatenate(rings_b)
        polis = (to_segments(a_N2, rings_b).mean() + to_segments(b_M2, rings_a).mean()) / 2
        assert columns["PoLiS"] == pytest.approx(polis, rel=1e-4)
        n, m = len(a_N2), len(b_M2)
        assert columns["vertex ratio"] == n / m
        assert columns["C-IoU"] == pytest.approx(0.5 * 2 * min(n, m) / (n + m))
        for tolerance, column in SETTINGS.columns("Vertex F").items():
            assert columns[column] == pytest.approx(f_score(nearest(a_N2, b_M2), tolerance * DIAGONAL))


def test_more_vertices_on_the_same_outline_cost_the_vertices_alone():
    square_N2 = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]])
    middles_N2 = (square_N2 + np.roll(square_N2, -1, axis=0)) / 2
    both_N2 = np.stack([square_N2, middles_N2], axis=1).reshape(-1, 2)
    columns = vertex_columns(Mask((both_N2,)), Mask((square_N2,)), (HEIGHT, WIDTH), 1.0, SETTINGS, 1.0)
    assert columns["PoLiS"] == pytest.approx(0.0, abs=1e-4)
    assert (columns["vertex ratio"], columns["C-IoU"]) == (2.0, pytest.approx(2 / 3))
    assert columns["Vertex F@1%"] == pytest.approx(2 / 3)


def test_a_runaway_answer_is_measured():
    spiral = Mask((RNG.uniform(size=(2048, 2)),))
    truth = Codec().encode(blob(RNG))
    assert 0 < vertex_columns(spiral, truth, (HEIGHT, WIDTH), 0.1, SETTINGS, 1.0)["PoLiS"] < DIAGONAL


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"width": 0.02}, "no setting 'width': it has band, tolerances"),
        ({"band": 2}, "boundary has 2: give fractions"),
        ({"band": 0.02, "tolerances": [0.0]}, "boundary has 0.0"),
        ({"tolerances": ["1px"]}, "boundary has '1px'"),
    ],
)
def test_settings_out_of_range_are_named(config, fault):
    with pytest.raises(UserError, match=fault):
        BoundarySettings.from_config(config)
