"""The contact sheet: outlines where they belong, in the colours its docstring names, for every kind of row."""

import numpy as np
import pytest

from data.sample import Sample
from data.sheet import contact_sheet
from polygon import Box, Codec, Point, rle_encode

GREEN, YELLOW, BLUE = (60, 220, 120), (255, 210, 0), (80, 190, 255)
SIDE = 204  # 200 px for the picture


def row(task: str, **changes) -> Sample:
    """An image of 50 x 100 px with a target of 20 x 40 px in its middle."""
    mask_HW = np.zeros((50, 100), bool)
    mask_HW[15:35, 30:70] = True
    facts = {
        "sample_id": "a",
        "source": "made",
        "split": "val",
        "task": task,
        "image": np.zeros((50, 100, 3), np.uint8),
        "height": 50,
        "width": 100,
        "expression": None,
        "prompt_region": None,
        "rle": rle_encode(mask_HW),
        "box": (0.3, 0.3, 0.7, 0.7),
        "image_id": "1",
        "ann_id": "1",
    }
    return Sample(**{**facts, **changes})


def extent(tile_HW3: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 (inclusive) of the pixels of a colour, in the picture's own pixels."""
    rows_N, columns_N = np.nonzero((tile_HW3[:SIDE] == colour).all(axis=2))
    if not len(rows_N):
        return None
    left, top = 2, (SIDE - 100) // 2
    return columns_N.min() - left, rows_N.min() - top, columns_N.max() - left, rows_N.max() - top


def test_target_and_answer_are_outlined_where_they_are():
    sample = row("text2mask", expression="the thing")
    wrong = "[[[0.100, 0.200], [0.200, 0.200], [0.200, 0.800], [0.100, 0.800]]]"
    tile_HW3 = contact_sheet([(sample, wrong)], Codec(), side=SIDE)
    assert extent(tile_HW3, GREEN) == (60, 30, 139, 69)
    assert extent(tile_HW3, YELLOW) == pytest.approx((20, 20, 40, 80), abs=2)
    right = contact_sheet([(sample, Codec().text(sample.target().mask))], Codec(), side=SIDE)
    assert extent(right, YELLOW) == pytest.approx((60, 30, 139, 69), abs=2)


@pytest.mark.parametrize(
    ("sample", "answer", "yellow", "blue"),
    [
        (row("text2box"), "[0.300, 0.300, 0.700, 0.700]", (60, 30, 140, 70), None),
        (row("text2box", rle=None), "[0.300, 0.300, 0.700, 0.700]", (60, 30, 140, 70), None),
        (row("text2point"), "[0.500, 0.500]", (95, 45, 104, 54), None),
        (row("box2mask", prompt_region=Box(0.3, 0.3, 0.7, 0.7)), "[]", None, (60, 30, 140, 70)),
        (row("point2mask", prompt_region=Point(0.5, 0.5)), "[]", None, (95, 45, 104, 54)),
        (row("text2mask", box=None), "nonsense", None, None),
    ],
)
def test_every_kind_of_row(sample, answer, yellow, blue):
    tile_HW3 = contact_sheet([(sample, answer)], Codec(), side=SIDE)
    for colour, expected in ((YELLOW, yellow), (BLUE, blue)):
        found = extent(tile_HW3, colour)
        assert found == expected if expected is None else found == pytest.approx(expected, abs=2)
    assert (extent(tile_HW3, GREEN) is None) == (sample.rle is None)


def test_words_stand_below_and_are_cut_where_there_is_no_room():
    said = row("text2mask", expression="señor in the très long coat " * 20)
    silent = row("point2mask", prompt_region=Point(0.5, 0.5))
    long_HW3, short_HW3 = (contact_sheet([(sample, "[]")], Codec(), side=SIDE)[SIDE:] for sample in (said, silent))
    assert long_HW3.shape == short_HW3.shape == (42, SIDE, 3)
    assert long_HW3[14:].max() > 200 > short_HW3[14:].max() == 24


def test_tiles_fill_row_after_row():
    cells = [(row("text2mask", image=np.full((50, 100, 3), 20 * n, np.uint8)), "[]") for n in range(5)]
    sheet_HW3 = contact_sheet(cells, Codec(), columns=2, side=SIDE)
    assert sheet_HW3.shape == (3 * (SIDE + 42), 2 * SIDE, 3)
    corners = sheet_HW3[SIDE // 2 - 45 :: SIDE + 42, 6::SIDE, 0]
    assert corners.tolist() == [[0, 20], [40, 60], [80, 24]]
