"""Near copies: training photographs that look like a held-out one, because it was scaled, saved or touched up anew.

Why: exact copies are known by their bytes (`leakage.py`), these are not.  A perceptual hash (pHash, of the library
ImageHash; `image_file.look_hash`) says which photographs look alike, not which are the same: so they are reported, and
dropped when asked (`dataset.near_copies=drop`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.leakage import is_training

NEAR_COPIES = ("report", "drop", "ignore")
_BITS = 6  # of 64: a photograph at half its size or at JPEG quality 30 differs in 0 to 4; of 360 others none below 12
_EXAMPLES = 3
_AT_ONCE = 2**24  # pairs compared


@dataclass(frozen=True)
class NearCopies:
    """Of a training split: `rows_R` (R,) bool, which records show one; (photograph, held-out one) pairs as examples."""

    rows_R: NDArray[np.bool_]
    images: int
    examples: tuple[tuple[str, str], ...]


def near_copies(table: pa.Table, tables: Mapping[str, pa.Table], known_R: NDArray[np.bool_]) -> NearCopies:
    """Records of a training split's `table` that look like a photograph of another split of `tables`.

    Tables have the columns image_id and look_hash of `checked_records.COLUMNS`.  `known_R` (R,) are records that need
    not be looked at; those without a hash never count.
    """
    held_out: dict[int, str] = {}
    for split, other in tables.items():
        if not is_training(split):
            held_out |= _by_hash(other)
    rows = _by_hash(table.filter(pa.array(~known_R)))
    ours, theirs = (np.fromiter(hashes, np.uint64, len(hashes)) for hashes in (rows, held_out))
    found: dict[int, int] = {}
    step = max(1, _AT_ONCE // max(1, len(theirs)))
    for start in range(0, len(ours) if len(theirs) else 0, step):
        differing = np.bitwise_count(ours[start : start + step, None] ^ theirs[None, :])
        nearest = differing.argmin(axis=1)
        for row in np.flatnonzero(differing.min(axis=1) <= _BITS).tolist():
            found[int(ours[start + row])] = int(theirs[nearest[row]])
    is_near = np.array([each in found for each in table["look_hash"].to_pylist()], dtype=bool)
    examples = tuple((rows[each], held_out[other]) for each, other in list(found.items())[:_EXAMPLES])
    rows_R = is_near & ~known_R
    images = set(table.filter(pa.array(rows_R))["image_id"].to_pylist())
    return NearCopies(rows_R, len(images), examples)


def _by_hash(table: pa.Table) -> dict[int, str]:
    """Hash -> the first photograph with it."""
    found: dict[int, str] = {}
    for row in table.select(["look_hash", "image_id"]).to_pylist():
        if row["look_hash"] is not None:
            found.setdefault(row["look_hash"], row["image_id"])
    return found
