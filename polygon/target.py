"""What an answer is scored against, as it travels in a dataset row: one JSON string per sample."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from polygon.errors import UserError
from polygon.region import KINDS, Kind
from polygon.rle import rle_decode

_PARTS = ("ignored", "twice")


@dataclass(frozen=True)
class Target:
    """The ground truth of one sample; no target in the image is an empty mask with box None.

    `kind` is what the answer has to be, `task` the task's name, height and width are pixels, `rle` COCO compressed run
    lengths of that size, `box` (x0, y0, x1, y1) normalised as annotated (it need not be the mask's own box).
    Of kind box, `rle` may be None: some datasets have boxes and no masks, and a box is scored against the box alone.
    `ignored` and `twice` are run lengths, None for no pixel: pixels that count neither for nor against an answer, and
    those of the mask that two outlines of the object cover, which some evaluation codes lose.
    """

    kind: Kind
    task: str
    height: int
    width: int
    rle: dict | None
    box: tuple[float, float, float, float] | None
    ignored: dict | None = None
    twice: dict | None = None

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, bool (H, W), decoded once.  Raises UserError for a target that has a box only."""
        if self.rle is None:
            raise UserError("target has a box and no mask: ask for the box, or prepare data with masks")
        return rle_decode(self.rle)

    @cached_property
    def counted(self) -> NDArray[np.bool_] | None:
        """The pixels that count, bool (H, W); None where all do."""
        return None if self.ignored is None else ~rle_decode(self.ignored)

    def to_json(self) -> str:
        names = ("kind", "task", "height", "width", "rle", "box")
        row = {name: getattr(self, name) for name in names}
        return json.dumps(row | {name: self_part for name in _PARTS if (self_part := getattr(self, name)) is not None})

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
            ignored, twice = (row.get(name) for name in _PARTS)
            for name, part in (("rle", rle), ("ignored", ignored), ("twice", twice)):
                if part is not None and part["size"] != [height, width]:
                    raise ValueError(f"{name} has size {part['size']}, the image [{height}, {width}]")
            if box is not None:
                x0, y0, x1, y1 = box
                box = (float(x0), float(y0), float(x1), float(y1))
            return cls(row["kind"], row["task"], height, width, rle, box, ignored, twice)
        except KeyError as error:
            raise UserError(f"target has no field {error}: prepare the dataset again") from error
        except (TypeError, ValueError) as error:
            raise UserError(f"target is not readable ({error}): prepare the dataset again") from error
