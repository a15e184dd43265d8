"""`Level`: everything that makes procedural scenes easy or hard, checked.

Why: difficulty is configuration (`conf/dataset/shapes*.yaml`), so the generator never asks for a dataset's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from data.background import BACKGROUNDS
from data.expressions import PHRASES
from data.outlines import OUTLINES
from data.scene import COLOURS
from polygon import UserError


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of difficulty.  Lengths are fractions of the image side, `image_size` is px, `rotation` degrees.

    `spacing`: least distance of two centres over the sum of their radii; from 1 on, nothing overlaps.
    `min_visible`: a candidate that would leave less than this share of another object to see is not placed.
    `distinct`: no two objects share both shape and colour.
    `no_target`: share of text -> mask samples whose expression fits nothing.
    """

    name: str = "shapes"
    seed: int = 0
    image_size: int = 128
    objects: tuple[int, ...] = (1, 3)
    radius: tuple[float, ...] = (0.14, 0.26)
    rotation: int = 20
    spacing: float = 1.05
    min_visible: float = 1.0
    distinct: bool = True
    shapes: tuple[str, ...] = tuple(name for name in OUTLINES if name not in ("ring", "pair"))
    colours: tuple[str, ...] = tuple(COLOURS)
    backgrounds: tuple[str, ...] = ("plain",)
    expressions: tuple[str, ...] = ("attributes",)
    no_target: float = 0.0

    @classmethod
    def from_config(cls, config: Mapping) -> Self:
        """From plain lists and scalars.  Raises UserError for an unknown key or a value of the wrong kind or range."""
        defaults = {item.name: item.default for item in fields(cls)}
        for key, value in config.items():
            if key not in defaults:
                raise UserError(f"dataset.source.{key}: unknown key; known: {', '.join(defaults)}")
            if not _is_like(value, defaults[key]):
                raise UserError(f"dataset.source.{key}: {value!r} is of the wrong kind; it is like {defaults[key]!r}")
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in config.items()}
        return cls(**values)

    def __post_init__(self) -> None:
        choices = {"shapes": OUTLINES, "colours": COLOURS, "backgrounds": BACKGROUNDS, "expressions": PHRASES}
        for key, known in choices.items():
            values = getattr(self, key)
            for value in values or ("",):
                if value not in known:
                    raise UserError(f"dataset.source.{key}: {value!r} is unknown; known: {', '.join(known)}")
        n_pairs = len(self.shapes) * len(self.colours)
        rules = {
            "seed must be at least 0": self.seed >= 0,
            "image_size must be at least 32 px": self.image_size >= 32,
            "objects must be [least, most] from 1": len(self.objects) == 2 and 1 <= self.objects[0] <= self.objects[1],
            "objects must be fewer than the pairs of shape and colour": self.objects[-1] < n_pairs,
            "radius must be [least, most] in [0.05, 0.45]": len(self.radius) == 2
            and 0.05 <= self.radius[0] <= self.radius[1] <= 0.45,
            "rotation must lie in [0, 180]": 0 <= self.rotation <= 180,
            "min_visible must lie in [0.1, 1]": 0.1 <= self.min_visible <= 1,
            "no_target must lie in [0, 1]": 0 <= self.no_target <= 1,
        }
        for rule, holds in rules.items():
            if not holds:
                raise UserError(f"dataset.source.{rule}; it is {getattr(self, rule.split()[0])}")


def _is_like(value: object, example: object) -> bool:
    if isinstance(example, tuple):
        return isinstance(value, list | tuple) and all(_is_like(item, example[0]) for item in value)
    if isinstance(value, bool) or isinstance(example, bool):
        return isinstance(value, bool) and isinstance(example, bool)
    return isinstance(value, float | int if isinstance(example, float) else type(example))
