"""Placing and drawing the objects of a synthetic scene.

Why: apart from `shapes.py` because this is geometry alone: which candidates find room, and what of them is seen.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from data.outlines import OUTLINES
from data.scene import SceneObject

_SUBPIXEL_BITS = 4  # cv2.fillPoly reads vertices in 1/16 px
_SAME_COLOUR_SPACING = 1.05


def draw(shape: str, centre_px: tuple[int, int], radius_px: int, angle_deg: int, image_size: int) -> NDArray[np.bool_]:
    """The object's own mask (H, W), filled once by cv2.fillPoly: even-odd, hard edges."""
    # Rounded, so that a last-bit difference of sin and cos between machines cannot move a vertex.
    cos, sin = np.round([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))], 4)
    scale = 1 << _SUBPIXEL_BITS
    rings = []
    for ring_N2 in OUTLINES[shape]:
        ring_px_N2 = np.empty_like(ring_N2)
        ring_px_N2[:, 0] = ring_N2[:, 0] * cos - ring_N2[:, 1] * sin
        ring_px_N2[:, 1] = ring_N2[:, 0] * sin + ring_N2[:, 1] * cos
        rings.append(np.rint((ring_px_N2 * radius_px + centre_px) * scale).astype(np.int32))
    mask_HW = np.zeros((image_size, image_size), np.uint8)
    cv2.fillPoly(mask_HW, rings, 1, shift=_SUBPIXEL_BITS)
    return mask_HW.view(np.bool_)


def apart(centre_px: tuple[int, int], radius_px: int, colour: str, placed: list[SceneObject], spacing: float) -> bool:
    """No placed object's centre is nearer than `spacing` times the sum of the radii.

    Objects of one colour never touch, whatever the spacing: nobody could see where one ends.
    """
    for other in placed:
        dx, dy = centre_px[0] - other.centre_px[0], centre_px[1] - other.centre_px[1]
        factor = max(spacing, _SAME_COLOUR_SPACING) if colour == other.colour else spacing
        if dx * dx + dy * dy < (factor * (radius_px + other.radius_px)) ** 2:
            return False
    return True


def cover(placed: list[SceneObject], front: SceneObject, min_visible: float) -> list[SceneObject] | None:
    """`placed` with `front` drawn over it, or None if that left less than `min_visible` of some object to see."""
    covered = []
    for item in placed:
        visible_HW = item.mask_HW & ~front.mask_HW
        if np.count_nonzero(visible_HW) < min_visible * item.full_area_px:
            return None
        covered.append(replace(item, mask_HW=visible_HW))
    return [*covered, front]
