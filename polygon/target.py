"""What an answer is scored against, as it travels in a dataset row: one JSON string per sample."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from polygon.errors import UserError
from polygon.region import KINDS, Kind
from polygon.rle import rle_decode


@dataclass(frozen=True)
class Target:
    """The ground truth of one sample; no target in the image is an empty mask with box None.

    `kind` is what the answer has to be, `task` the task's name, height and width are pixels, `rle` COCO compressed run
    lengths of that size, `box` (x0, y0, x1, y1) normalised as annotated (it need not be the mask's own box).
    Of kind box, `rle` may be None: some datasets have boxes and no masks, and a box is scored against the box alone.
    """

    kind: Kind
    task: str
    height: int
    width: int
    rle: dict | None
    box: tuple[float, float, float, float] | None

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, bool (H, W), decoded once.  Raises UserError for a target that has a box only."""
        if self.rle is None:
            raise UserError("target has a box and no mask: ask for the box, or prepare data with masks")
        return rle_decode(self.rle)

    def to_json(self) -> str:
        names = ("kind", "task", "height", "width", "rle", "box")
        return json.dumps({name: getattr(self, name) for name in names})

    @classmethod
    def from_json(cls, text: str) -> "Target":
        """Read what `to_json` wrote. Raises UserError naming the field that is missing or wrong."""
        try:
            row = json.loads(text)
            height, width, rle, box = int(row["height"]), int(row["width"]), row["rle"], row["box"]
            if row["kind"] not in KINDS:
                raise ValueError(f"kind {row['kind']!r} is not one of {', '.join(KINDS)}")
            if rle is None and (row["kind"] != "box" or box is None):
                raise ValueError(f"a {row['kind']} target without a mask, which only one of kind box with a box may be")
            if rle is not None and rle["size"] != [height, width]:
                raise ValueError(f"rle has size {rle['size']}, the image [{height}, {width}]")
            if box is not None:
                x0, y0, x1, y1 = box
                box = (float(x0), float(y0), float(x1), float(y1))
            return cls(row["kind"], row["task"], height, width, rle, box)
        except KeyError as error:
            raise UserError(f"target has no field {error}: prepare the dataset again") from error
        except (TypeError, ValueError) as error:
            raise UserError(f"target is not readable ({error}): prepare the dataset again") from error
