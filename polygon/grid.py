"""`Grid`: the coordinates that a text can say about an image, in whole steps, and the pixels that they stand for.

Both directions of the codec go through here: the encoder turns pixels into steps, the rasteriser takes the pixel that
contains a vertex. Up to `steps` pixels a side every pixel has a step of its own; in a larger image it has not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polygon.contour import Ring, order, previous, signed_area

PIXEL_CENTRE = 0.5 - 1e-6
"""Just short of it: a tie then rounds down to the pixel's own edge, and images of up to `steps` pixels a side decode
exactly."""
_ON_EDGE = 1e-6
"""In pixels: 0.29 x 100 is 28.999999999999996, but its pixel is 29."""


def to_pixels(vertices_N2: NDArray[np.float64], height: int, width: int) -> NDArray[np.int32]:
    """The pixel (x, y) that contains each normalised vertex, int32 (N, 2); the far edges belong to the last pixels."""
    return np.minimum(vertices_N2 * (width, height) + _ON_EDGE, (width - 1, height - 1)).astype(np.int32)


@dataclass(frozen=True)
class Grid:
    """The steps of a text about an image of (height, width) pixels.

    steps: how many make a side; `last` is the largest that is written (999 of 1000 where a text has three digits).
    offset: where in its pixel a vertex lies, in pixels.
    """

    height: int
    width: int
    steps: int
    last: int
    offset: float = PIXEL_CENTRE

    def to_steps(self, pixels_N2: NDArray) -> NDArray[np.int64]:
        """The step (x, y) nearest to each pixel, int64 (N, 2)."""
        a_pixel = (self.steps / self.width, self.steps / self.height)
        return np.minimum(np.rint((pixels_N2 + self.offset) * a_pixel), self.last).astype(np.int64)

    def write(self, ring: Ring) -> NDArray[np.int64] | None:
        """A ring in steps, int64 (N, 2), in the order that it has there, and no step twice in a row.

        A part that is a line or a point there repeats its last vertex until it has 3; a hole without area is None.
        """
        steps_N2 = self.to_steps(ring.vertices_N2)
        moved_N = np.any(steps_N2 != previous(steps_N2), axis=1)
        steps_N2 = steps_N2[moved_N] if moved_N.any() else steps_N2[:1]
        if ring.hole and signed_area(steps_N2) == 0:
            return None
        steps_N2 = order(steps_N2, ring.hole)
        while len(steps_N2) < 3:
            steps_N2 = np.concatenate((steps_N2, steps_N2[-1:]))
        return steps_N2

    def sayable(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """For each pixel of the x and of the y axis, the one that comes back when it is written and read."""
        longer = max(self.height, self.width)
        if longer <= self.steps:
            return np.arange(self.width), np.arange(self.height)
        diagonal_N2 = np.repeat(np.arange(longer)[:, None], 2, axis=1)
        read_N2 = to_pixels(self.to_steps(diagonal_N2) / self.steps, self.height, self.width)
        return read_N2[: self.width, 0], read_N2[: self.height, 1]
