"""A contact sheet: samples at a glance, each with the outlines of its target and of its answer, and its words.

Why: a wrong half pixel, a mirrored image or expressions of the neighbouring photograph show in a second on a sheet and
in no average.
"""

from collections.abc import Sequence
from textwrap import wrap

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sample import Sample
from data.task import TASKS
from polygon import Box, Codec, Mask, Point, Region, rle_decode

_LINES, _LINE_PX, _CHARACTER_PX = 3, 14, 7
_PAPER, _INK = (24, 24, 24), (230, 230, 230)
_TARGET, _ANSWER, _PROMPT = (60, 220, 120), (255, 210, 0), (80, 190, 255)  # RGB
_FONT = {"fontFace": cv2.FONT_HERSHEY_SIMPLEX, "fontScale": 0.38, "thickness": 1, "lineType": cv2.LINE_AA}


def contact_sheet(
    cells: Sequence[tuple[Sample, str]], codec: Codec, columns: int = 6, side: int = 240
) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3) of (sample, answer) pairs, row by row, each `side` px wide with its words below.

    Green: the target mask.  Over it in yellow: the answer as read from its text, with its vertices.  Blue: a visual
    prompt.
    """
    tiles = [
        _tile(sample, codec.parse(answer, TASKS[sample.task].answer_kind).region, side) for sample, answer in cells
    ]
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], _PAPER)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def _tile(sample: Sample, answer: Region | None, side: int) -> NDArray[np.uint8]:
    scale = (side - 4) / max(sample.height, sample.width)
    width, height = (max(1, round(length * scale)) for length in (sample.width, sample.height))
    picture_HW3 = cv2.resize(sample.pixels(), (width, height), interpolation=cv2.INTER_AREA)
    if sample.rle is not None:
        inside_HW = cv2.resize(rle_decode(sample.rle).astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
        contours, _ = cv2.findContours(inside_HW, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture_HW3, contours, -1, _TARGET)
    _draw(picture_HW3, sample.prompt_region, _PROMPT)
    _draw(picture_HW3, answer, _ANSWER)
    tile_HW3 = np.full((side + _LINES * _LINE_PX, side, 3), _PAPER, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    tile_HW3[top : top + height, left : left + width] = picture_HW3
    for number, line in enumerate(_caption(sample, side // _CHARACTER_PX)):
        cv2.putText(tile_HW3, line, (4, side + (number + 1) * _LINE_PX - 3), color=_INK, **_FONT)
    return tile_HW3


def _draw(picture_HW3: NDArray, region: Region | None, colour: tuple[int, int, int]) -> None:
    """Draw what the codec's coordinates say: 0 and 1 are the outer edges of the first and the last pixel."""
    height, width = picture_HW3.shape[:2]

    def pixels(vertices_N2: object) -> NDArray[np.int32]:
        scaled_N2 = np.asarray(vertices_N2, np.float64) * (width, height) - 0.5
        return np.rint(scaled_N2).astype(np.int32)

    match region:
        case Mask(polygons):
            for ring_N2 in map(pixels, polygons):
                cv2.polylines(picture_HW3, [ring_N2], True, colour, 1, cv2.LINE_AA)
                for vertex in ring_N2.tolist():
                    cv2.circle(picture_HW3, vertex, 1, colour, cv2.FILLED)
        case Box(x0, y0, x1, y1):
            first, last = pixels([(x0, y0), (x1, y1)]).tolist()
            cv2.rectangle(picture_HW3, first, last, colour, 1)
        case Point():
            cv2.drawMarker(picture_HW3, pixels((region.x, region.y)).tolist(), colour, cv2.MARKER_CROSS, 11, 2)


def _caption(sample: Sample, characters: int) -> list[str]:
    """Task and source, then the expression, cut where there is no room; OpenCV's letters are ASCII."""
    said = (sample.expression or "").encode("ascii", "replace").decode()
    return [f"{sample.task}  {sample.source}"[:characters], *wrap(said, characters)][:_LINES]
