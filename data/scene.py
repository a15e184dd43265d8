"""A synthetic scene: flat objects with exact masks on a background.

Why: the values that `shapes.py` makes and `expressions.py` speaks about, and the rule that assigns a scene to a split.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# Far apart from each other and from the dark, nearly grey backgrounds of `background.py` (RGB).
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (225, 35, 35),
    "green": (45, 170, 60),
    "blue": (45, 85, 235),
    "yellow": (245, 225, 50),
    "orange": (250, 135, 20),
    "purple": (150, 55, 205),
    "cyan": (50, 215, 225),
    "white": (245, 245, 245),
}

SPLITS = ("train", "val", "test")
_BUCKETS = 16


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One object; its integer parameters draw it completely, `mask_HW` is what is visible of `full_area_px` pixels."""

    shape: str
    colour: str
    centre_px: tuple[int, int]
    radius_px: int
    angle_deg: int
    full_area_px: int
    mask_HW: NDArray[np.bool_]

    @cached_property
    def area_px(self) -> int:
        return int(np.count_nonzero(self.mask_HW))

    @property
    def parameters(self) -> tuple:
        return (self.shape, self.colour, *self.centre_px, self.radius_px, self.angle_deg)


@dataclass(frozen=True, eq=False)
class Scene:
    """`image_HW3` is uint8 RGB; `objects` are in drawing order, later ones in front; `key` names the layout."""

    image_HW3: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]
    key: str


def layout_key(objects: list[SceneObject], image_size: int) -> str:
    """16 hex digits from the parameters of all objects, whatever their order, background or random seed."""
    content = repr((image_size, sorted(item.parameters for item in objects)))
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def split_of(key: str) -> str:
    """The one split that may hold this layout: 14/16 of all layouts are train, 1/16 val, 1/16 test.

    A layout decides its split itself, so no two splits, seeds or machines can ever share one.
    """
    return {0: "val", 1: "test"}.get(int(key[:2], 16) % _BUCKETS, "train")
