"""COCO's run lengths, from their text or list. Own code, because pycocotools does not ask whether they fill an image.

What they do not reach it leaves as the memory was. The text is rleFrString's of cocoapi (maskApi.c): five bits a
character from `0` on, bit 5 says that more follow, bit 4 of the last is the sign, and from the fourth on a length is
the difference to the last but one.
"""

import numpy as np
from numpy.typing import NDArray

_MOST_CHARACTERS = 7
"""A run length has 32 bits at most."""


def run_lengths(counts: str | bytes | list[int]) -> NDArray[np.int64]:
    """Lengths of the runs, zeros first, (N,). Raises ValueError or TypeError for what is neither form."""
    if isinstance(counts, list):
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("run lengths are whole numbers from 0")
        return np.array(counts, np.int64)
    text = counts.encode("ascii") if isinstance(counts, str) else counts
    codes_C = np.frombuffer(text, np.uint8).astype(np.int64) - ord("0")
    if not len(codes_C):
        return codes_C
    ends_N = np.flatnonzero(codes_C & 0x20 == 0)
    starts_N = np.concatenate(([0], ends_N[:-1] + 1))
    if codes_C.min() < 0 or codes_C.max() > 0x3F or codes_C[-1] & 0x20:
        raise ValueError("the text of the run lengths is damaged")
    characters_N = ends_N - starts_N + 1
    if characters_N.max() > _MOST_CHARACTERS:
        raise ValueError("the text of the run lengths is damaged")
    shifts_C = 5 * (np.arange(len(codes_C)) - starts_N.repeat(characters_N))
    lengths_N = np.add.reduceat((codes_C & 0x1F) << shifts_C, starts_N)
    lengths_N -= np.where(codes_C[ends_N] & 0x10, 1 << 5 * characters_N, 0)
    for first in (1, 2):
        lengths_N[first::2] = lengths_N[first::2].cumsum()
    if lengths_N.min() < 0:
        raise ValueError("the text of the run lengths is damaged")
    return lengths_N


def pixels_covered(counts: str | bytes | list[int]) -> int:
    """Pixels that run lengths stand for. Raises ValueError or TypeError for what is none."""
    return int(run_lengths(counts).sum())
