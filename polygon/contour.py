"""Binary mask -> the rings that bound it, in pixels, and the order in which a ring is written.

Every ring runs through the centres of the object's own boundary pixels, around holes too. Filling an outer ring with
its edge paints exactly the part it bounds; cutting the inside of a hole's ring without its edge removes exactly the
hole. OpenCV walks outer contours counter-clockwise on screen (y down) and the paper wants them clockwise: `order`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon.rle import as_binary


@dataclass(frozen=True)
class Ring:
    """One boundary: vertices int32 (N, 2), (x, y) in pixels; `n_pixels` is what it encloses, filled, in pixels."""

    vertices_N2: NDArray
    hole: bool
    n_pixels: float


def trace(mask_HW: NDArray, holes: bool = True) -> list[Ring]:
    """All parts (8-connected) and, with `holes`, their holes (4-connected) of a bool or integer mask (H, W).

    Parts come largest first, so that a text cut short has said the most and a part precedes those inside its holes;
    each is followed by its own holes, largest first.
    """
    mask_HW = as_binary(mask_HW)
    x, y, width, height = cv2.boundingRect(mask_HW)
    if not width:
        return []
    crop_HW = mask_HW[y : y + height, x : x + width]
    mode = cv2.RETR_CCOMP if holes else cv2.RETR_EXTERNAL
    contours, tree_1N4 = cv2.findContours(crop_HW, mode, cv2.CHAIN_APPROX_SIMPLE, offset=(x, y))
    parents = tree_1N4[0, :, 3].tolist()
    rings = [_ring(contour[:, 0], parent >= 0) for contour, parent in zip(contours, parents, strict=True)]

    def rank(index: int) -> tuple[float, int, bool, float]:
        part = index if parents[index] < 0 else parents[index]
        return -rings[part].n_pixels, part, rings[index].hole, -rings[index].n_pixels

    return [rings[index] for index in sorted(range(len(rings)), key=rank)]


def _ring(vertices_N2: NDArray, hole: bool) -> Ring:
    """Pick's theorem counts pixels: area + steps / 2 + 1 lie on or inside a ring, where a step joins two of them."""
    steps = np.abs(vertices_N2 - previous(vertices_N2)).max(axis=1).sum()
    area = cv2.contourArea(vertices_N2)
    return Ring(vertices_N2, hole, float(area - steps / 2 + 1 if hole else area + steps / 2 + 1))


def order(vertices_N2: NDArray, hole: bool) -> NDArray:
    """The same ring in the paper's order: clockwise on screen (a hole: the other way), from its top-most vertex on.

    Of several top-most vertices it starts at the left-most.
    """
    if (signed_area(vertices_N2) < 0) != hole:
        vertices_N2 = vertices_N2[::-1]
    start = np.lexsort((vertices_N2[:, 0], vertices_N2[:, 1]))[0]
    return np.concatenate((vertices_N2[start:], vertices_N2[:start]))


def signed_area(vertices_N2: NDArray) -> float:
    """Shoelace area of a ring, y down: positive where it runs clockwise on screen, in squares of its own unit."""
    x, y = (vertices_N2 - vertices_N2[0]).T  # from a vertex, so that a small ring far from the origin keeps its digits
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def previous(vertices_N2: NDArray) -> NDArray:
    """For every vertex of a closed ring the one before it (np.roll is several times slower on short rings)."""
    return vertices_N2[np.arange(len(vertices_N2)) - 1]


def following(vertices_N2: NDArray) -> NDArray:
    """For every vertex of a closed ring the one after it."""
    return vertices_N2[np.arange(1 - len(vertices_N2), 1)]
