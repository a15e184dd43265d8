"""Outlines of the synthetic shapes: rings of vertices inside the unit disc.

Why: an object of a scene is one of these, turned, scaled, moved and filled once, so its mask is exact.
Frame: x right, y down, disc of radius 1 around the origin; a shape is filled by the even-odd rule, so a second ring
is a hole when it lies inside the first and another part when it lies beside it.
Vertices are rounded to 4 decimals: sines differ in the last bit between machines, rounded numbers do not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Outline = tuple[NDArray[np.float64], ...]  # rings, each (N, 2), unit-disc frame


def _arc(radius_x: float, radius_y: float, start: float, stop: float, n: int, centre: tuple[float, float] = (0.0, 0.0)):
    angle_N = np.linspace(start, stop, n)
    return np.stack([centre[0] + radius_x * np.cos(angle_N), centre[1] + radius_y * np.sin(angle_N)], axis=1)


def _closed(radius_x: float, radius_y: float, n: int, centre: tuple[float, float] = (0.0, 0.0)):
    """Ellipse or regular n-gon, first vertex straight up."""
    return _arc(radius_x, radius_y, -np.pi / 2, -np.pi / 2 + 2 * np.pi * (n - 1) / n, n, centre)


def _star(points: int, inner: float):
    star_N2 = _closed(1.0, 1.0, 2 * points)
    star_N2[1::2] *= inner
    return star_N2


def _crescent():
    """The unit disc less a disc of radius 0.85 around (0.5, 0); the two circles meet at `corner`."""
    offset, radius = 0.5, 0.85
    corner_x = (1 - radius**2 + offset**2) / (2 * offset)
    corner = np.arctan2(np.sqrt(1 - corner_x**2), corner_x)
    inner = np.arctan2(np.sqrt(1 - corner_x**2), corner_x - offset)
    outer_N2 = _arc(1.0, 1.0, corner, 2 * np.pi - corner, 40)
    inner_N2 = _arc(radius, radius, 2 * np.pi - inner, inner, 28, (offset, 0.0))
    return np.concatenate([outer_N2, inner_N2[1:-1]])


def _heart():
    t_N = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    y_N = 13 * np.cos(t_N) - 5 * np.cos(2 * t_N) - 2 * np.cos(3 * t_N) - np.cos(4 * t_N)
    return np.stack([16 * np.sin(t_N) ** 3, -y_N - 2.5], axis=1) / 17.0


def _cross():
    a = 0.32
    quarter_N2 = np.array([(-a, -1), (a, -1), (a, -a)]) * 0.95
    turn = np.array([(0, 1), (-1, 0)])  # a quarter, clockwise on screen, for row vectors
    return np.concatenate([quarter_N2 @ np.linalg.matrix_power(turn, k) for k in range(4)])


def _arrow():
    return np.array([(-0.95, -0.26), (0.05, -0.26), (0.05, -0.72), (1, 0), (0.05, 0.72), (0.05, 0.26), (-0.95, 0.26)])


def _rounded(rings: Sequence[NDArray[np.float64]]) -> Outline:
    return tuple(np.round(np.asarray(ring, dtype=np.float64), 4) for ring in rings)


OUTLINES: dict[str, Outline] = {
    "circle": _rounded([_closed(1.0, 1.0, 48)]),
    "square": _rounded([_arc(1.0, 1.0, -0.75 * np.pi, 0.75 * np.pi, 4)]),
    "triangle": _rounded([_closed(1.0, 1.0, 3)]),
    "star": _rounded([_star(5, 0.45)]),
    "ellipse": _rounded([_closed(1.0, 0.55, 48)]),
    "cross": _rounded([_cross()]),
    "crescent": _rounded([_crescent()]),
    "heart": _rounded([_heart()]),
    "hexagon": _rounded([_closed(1.0, 1.0, 6)]),
    "arrow": _rounded([_arrow()]),
    "ring": _rounded([_closed(1.0, 1.0, 48), _closed(0.5, 0.5, 32)]),
    "pair": _rounded([_closed(0.44, 0.44, 32, (-0.56, 0.0)), _closed(0.44, 0.44, 32, (0.56, 0.0))]),
}
