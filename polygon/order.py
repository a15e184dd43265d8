"""Orders of a ring's vertices other than the canonical one, to measure what the order is worth to a model."""

import zlib
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Order: TypeAlias = Literal["canonical", "random_start", "random_direction", "shuffled"]
ORDERS: tuple[Order, ...] = ("canonical", "random_start", "random_direction", "shuffled")


def reorder(ring_N2: NDArray[np.int64], order: Order) -> NDArray[np.int64]:
    """A canonical ring (N, 2) in another order; chance hangs on the ring alone, so the same one always comes out alike.

    random_start keeps its direction, random_direction its first vertex, shuffled neither: what it encloses is lost.
    """
    if order == "canonical":
        return ring_N2
    chance = np.random.default_rng(zlib.crc32(np.ascontiguousarray(ring_N2, np.int64).tobytes()))
    if order == "random_start":
        return np.roll(ring_N2, chance.integers(len(ring_N2)), axis=0)
    if order == "random_direction":
        return np.concatenate((ring_N2[:1], ring_N2[:0:-1])) if chance.random() < 0.5 else ring_N2
    return chance.permutation(ring_N2)
