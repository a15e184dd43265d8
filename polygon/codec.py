"""One codec for both directions: mask -> polygons -> text, and polygons -> mask by the rasteriser that matches.

Decoding OpenCV's contours with pycocotools, as the reference release does, caps IoU near 0.90: the contour runs through
pixel centres and COCO's rasteriser wants pixel edges. `decode="reference"` keeps that convention (vertices divided by
the image size without the half pixel) for checkpoints trained with it. The codec's own ceiling is a number we publish:
`python -m evaluation.oracle`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from polygon.contour import order, previous, signed_area, trace
from polygon.errors import UserError
from polygon.grammar import format_region
from polygon.raster import rasterise_matched, rasterise_reference
from polygon.region import Mask, Polygon, Region
from polygon.rle import rle_encode, segmentation_mask
from polygon.simplify import LARGEST_EPSILON, simplify, simplify_to_budget

_PIXEL_CENTRE = 0.5 - 1e-6
"""Just short of it: a tie then rounds down to the pixel's own edge, and images of up to 10 ** precision pixels a side
decode exactly."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How a mask is written as polygons and read back.

    epsilon: Douglas-Peucker tolerance as a fraction of each ring's perimeter (paper: 0.005).
    max_vertices: budget for all rings of a mask together; epsilon is raised until they fit. None: no budget.
    precision: decimals of a coordinate.
    holes: write holes, as counter-clockwise rings.
    decode: "matched", or "reference" for checkpoints trained with the reference release's convention.
    min_area: parts and holes of fewer pixels are left out, but never the largest part.
    """

    epsilon: float = 0.005
    max_vertices: int | None = None
    precision: int = 3
    holes: bool = True
    decode: Literal["matched", "reference"] = "matched"
    min_area: int = 4

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Codec":
        """Build from configuration. Raises UserError for a key or value that is none of the codec's."""
        known = [field.name for field in fields(cls)]
        for key in config:
            if key not in known:
                raise UserError(f"codec has no setting {key!r}: it has {', '.join(known)}")
        try:
            return cls(**config)
        except TypeError as error:
            raise UserError(f"a setting of the codec has the wrong type ({error}): {dict(config)}") from error

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= LARGEST_EPSILON:
            raise UserError(
                f"codec.epsilon is {self.epsilon}: give a fraction of the perimeter, 0 to {LARGEST_EPSILON}"
            )
        if self.max_vertices is not None and self.max_vertices < 3:
            raise UserError(f"codec.max_vertices is {self.max_vertices}: give at least 3, or null for no budget")
        if self.precision not in range(1, 6):
            raise UserError(f"codec.precision is {self.precision}: give 1 to 5 decimals")
        if self.decode not in ("matched", "reference"):
            raise UserError(f"codec.decode is {self.decode!r}: give matched or reference")
        if self.min_area < 0:
            raise UserError(f"codec.min_area is {self.min_area}: give a number of pixels, 0 for every speck")

    def encode(self, mask_HW: NDArray) -> Mask:
        """Polygons of a bool or integer mask (H, W), rounded to `precision`; no polygons where it is empty."""
        height, width = mask_HW.shape
        rings = trace(mask_HW, self.holes)
        rings = rings[:1] + [ring for ring in rings[1:] if ring.n_pixels >= self.min_area]
        contours = [ring.vertices_N2 for ring in rings]
        if self.max_vertices is None:
            contours = simplify(contours, self.epsilon)
        else:
            contours = simplify_to_budget(contours, self.epsilon, self.max_vertices)
        polygons = (
            self._polygon(contour_N2, ring.hole, height, width)
            for contour_N2, ring in zip(contours, rings, strict=False)  # a budget may drop the last rings
        )
        return Mask(tuple(polygon for polygon in polygons if polygon is not None))

    def _polygon(self, pixels_N2: NDArray[np.int32], hole: bool, height: int, width: int) -> Polygon | None:
        """Round a ring to the text's own grid and order it there.

        A part that is a line or a point there repeats its last vertex until it has 3; a hole without area is None.
        """
        steps = 10**self.precision
        offset = _PIXEL_CENTRE if self.decode == "matched" else 0.0
        grid_N2 = np.rint((pixels_N2 + offset) * (steps / width, steps / height)).astype(np.int64)
        moved_N = np.any(grid_N2 != previous(grid_N2), axis=1)
        grid_N2 = grid_N2[moved_N] if moved_N.any() else grid_N2[:1]
        if hole and signed_area(grid_N2) == 0:
            return None
        grid_N2 = order(grid_N2, hole)
        while len(grid_N2) < 3:
            grid_N2 = np.concatenate((grid_N2, grid_N2[-1:]))
        return grid_N2 / steps

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
        """Canonical text of a region at this codec's precision."""
        return format_region(region, self.precision)

    def text(self, mask_HW: NDArray) -> str:
        """Canonical text of a mask (H, W)."""
        return self.format(self.encode(mask_HW))
