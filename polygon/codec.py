"""One codec for both directions: mask -> polygons -> text, and polygons -> mask by the rasteriser that matches.

Decoding OpenCV's contours with pycocotools, as the reference release does, caps IoU near 0.90: the contour runs through
pixel centres and COCO's rasteriser wants pixel edges. `decode="reference"` keeps that convention (vertices divided by
the image size without the half pixel) for checkpoints trained with it. The codec's own ceiling is a number we publish:
`python -m evaluation.oracle`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polygon.contour import trace
from polygon.errors import UserError, check_keys
from polygon.fit import fit
from polygon.grammar import ebnf, format_region
from polygon.grid import PIXEL_CENTRE, Grid
from polygon.order import ORDERS, Order, reorder
from polygon.parser import Answer, Answers, parse
from polygon.raster import rasterise_matched, rasterise_reference
from polygon.region import Kind, Mask, Polygon, Region, rounded
from polygon.rle import as_binary, rle_encode, segmentation_mask
from polygon.simplify import LARGEST_EPSILON, simplify, simplify_to_budget

MOST_DECIMALS = 5


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How a mask is written as polygons and read back.

    simplify: "douglas_peucker" keeps vertices of the contour, "fit" puts them where they save most pixels.
    epsilon: Douglas-Peucker tolerance as a fraction of each ring's perimeter (paper: 0.005).
    tolerance: of "fit": the share of the mask's area that a vertex has to save.
    max_vertices: budget for all rings of a mask together; the tolerance is raised until they fit. None: no budget.
    precision: decimals of a coordinate.
    integers: write coordinates as whole numbers, at 3 decimals 0 to 999 for 0 to 0.999.
    order: of a ring's vertices: "canonical" is clockwise from the top-most, then left-most one, holes the other way
        round; "random_start", "random_direction" and "shuffled" are for ablations.
    holes: write holes, as counter-clockwise rings.
    decode: "matched", or "reference" for checkpoints trained with the reference release's convention.
    min_area: parts and holes of fewer pixels are left out, but never the largest part.
    """

    simplify: Literal["douglas_peucker", "fit"] = "douglas_peucker"
    epsilon: float = 0.005
    tolerance: float = 0.002
    max_vertices: int | None = None
    precision: int = 3
    integers: bool = False
    order: Order = "canonical"
    holes: bool = True
    decode: Literal["matched", "reference"] = "matched"
    min_area: int = 4

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Codec":
        """Build from configuration. Raises UserError for a key or value that is none of the codec's."""
        check_keys("codec", config, cls)
        try:
            return cls(**config)
        except TypeError as error:
            raise UserError(f"a setting of the codec has the wrong type ({error}): {dict(config)}") from error

    def __post_init__(self) -> None:
        if self.simplify not in ("douglas_peucker", "fit"):
            raise UserError(f"codec.simplify is {self.simplify!r}: give douglas_peucker or fit")
        if not 0 <= self.epsilon <= LARGEST_EPSILON:
            raise UserError(
                f"codec.epsilon is {self.epsilon}: give a fraction of the perimeter, 0 to {LARGEST_EPSILON}"
            )
        if not 0 <= self.tolerance < 1:
            raise UserError(f"codec.tolerance is {self.tolerance}: give a share of the mask's area, 0 to below 1")
        if self.max_vertices is not None and self.max_vertices < 3:
            raise UserError(f"codec.max_vertices is {self.max_vertices}: give at least 3, or null for no budget")
        if self.precision not in range(1, MOST_DECIMALS + 1):
            raise UserError(f"codec.precision is {self.precision}: give 1 to {MOST_DECIMALS} decimals")
        if self.order not in ORDERS:
            raise UserError(f"codec.order is {self.order!r}: give one of {', '.join(ORDERS)}")
        if self.decode not in ("matched", "reference"):
            raise UserError(f"codec.decode is {self.decode!r}: give matched or reference")
        if (self.simplify, self.decode) == ("fit", "reference"):
            raise UserError("codec.simplify=fit is made for codec.decode=matched: give douglas_peucker with reference")
        if self.min_area < 0:
            raise UserError(f"codec.min_area is {self.min_area}: give a number of pixels, 0 for every speck")

    def encode(self, mask_HW: NDArray) -> Mask:
        """Polygons of a bool or integer mask (H, W), rounded to `precision`; no polygons where it is empty."""
        grid = self._grid(*mask_HW.shape)
        rings = trace(mask_HW, self.holes)
        rings = rings[:1] + [ring for ring in rings[1:] if ring.n_pixels >= self.min_area]
        if self.simplify == "fit":
            rings = fit(as_binary(mask_HW), rings, grid, self.tolerance, self.max_vertices)
        elif self.max_vertices is None:
            rings = simplify(rings, self.epsilon)
        else:
            rings = simplify_to_budget(rings, self.epsilon, self.max_vertices)
        polygons: dict[frozenset, Polygon] = {}
        for ring in rings:
            steps_N2 = grid.write(ring)
            if steps_N2 is not None:
                # As text a speck can coincide with another, and to write a ring twice is an error of format.
                polygons.setdefault(
                    frozenset(map(tuple, steps_N2.tolist())), reorder(steps_N2, self.order) / grid.steps
                )
        return Mask(tuple(polygons.values()))

    def _grid(self, height: int, width: int) -> Grid:
        steps = 10**self.precision
        offset = PIXEL_CENTRE if self.decode == "matched" else 0.0
        return Grid(height, width, steps, steps - 1 if self.integers else steps, offset)

    def encode_segmentation(self, segmentation: list | dict, height: int, width: int) -> Mask:
        """Polygons of a COCO segmentation (polygon list, or run lengths in either form) of that size in pixels."""
        return self.encode(segmentation_mask(segmentation, height, width))

    def rasterise(self, mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
        """Polygons -> bool (H, W), by the rule of `decode`."""
        paint = rasterise_matched if self.decode == "matched" else rasterise_reference
        return paint(mask, height, width)

    def rle(self, mask: Mask, height: int, width: int) -> dict:
        """Polygons -> COCO compressed run lengths of that size in pixels, counts as str."""
        return rle_encode(self.rasterise(mask, height, width))

    def format(self, region: Region) -> str:
        """Canonical text of a region as this codec writes numbers."""
        return format_region(region, self.precision, self.integers)

    def parse(self, text: str, kind: Kind, answers: Answers = "all") -> Answer:
        """Read an answer written in this codec's numbers (`polygon.parse`); further decimals are rounded away."""
        answer = parse(text, kind, answers, steps=10**self.precision if self.integers else None)
        return replace(answer, region=rounded(answer.region, self.precision)) if answer.region else answer

    def grammar(self, kind: Kind) -> str:
        """The canonical language of one kind of answer in this codec's numbers, as EBNF."""
        return ebnf(kind, self.precision, self.integers)

    def text(self, mask_HW: NDArray) -> str:
        """Canonical text of a mask (H, W)."""
        return self.format(self.encode(mask_HW))
