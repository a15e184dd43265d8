"""What a model may answer: a mask, a box or a point, in coordinates of the image divided by its width and height."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Polygon: TypeAlias = NDArray[np.float64]
"""One ring, float64 (N, 2), normalised (x, y) in [0, 1], y down: clockwise on screen = filled, else a hole."""

Kind: TypeAlias = Literal["mask", "box", "point"]
KINDS: tuple[Kind, ...] = ("mask", "box", "point")


@dataclass(frozen=True, eq=False)
class Mask:
    """Rings of a mask; no rings means that the query has no target in the image."""

    polygons: tuple[Polygon, ...] = ()

    @property
    def n_vertices(self) -> int:
        return sum(len(polygon) for polygon in self.polygons)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        same_count = len(self.polygons) == len(other.polygons)
        return same_count and all(np.array_equal(a, b) for a, b in zip(self.polygons, other.polygons, strict=True))


@dataclass(frozen=True)
class Box:
    """Corners of a box, normalised; x0 <= x1 and y0 <= y1 run along pixel edges."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Point:
    """A point, normalised."""

    x: float
    y: float


Region: TypeAlias = Mask | Box | Point


def rounded(region: Region, decimals: int) -> Region:
    """The region with coordinates of so many decimals."""
    match region:
        case Mask(polygons):
            return Mask(tuple(ring_N2.round(decimals) for ring_N2 in polygons))
        case Box(x0, y0, x1, y1):
            return Box(*(round(value, decimals) for value in (x0, y0, x1, y1)))
    return Point(round(region.x, decimals), round(region.y, decimals))
