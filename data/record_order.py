"""Shuffled access to many texts without ever making the shuffled list: a keyed permutation, computed entry by entry.

Why: a run over a million texts must be reproducible from any index on, in any process, in no memory.
A Feistel network over the next power of four permutes a range at least as large; walking along its cycles until an
entry falls below `size` permutes exactly that range (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
"""

import hashlib
import struct
from functools import lru_cache

_ROUNDS = 6
_WORD = (1 << 64) - 1
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # splitmix64's


def shuffled(index: int, size: int, key: tuple[int | str, ...]) -> int:
    """Which of `size` texts comes at `index`: index // size passes over all of them, each pass in its own order."""
    passes, entry = divmod(index, size)
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    low, round_keys = (1 << half_bits) - 1, _round_keys((*key, passes))
    while True:
        left, right = entry >> half_bits, entry & low
        for round_key in round_keys:
            word = (right ^ round_key) * _MIX_1 & _WORD
            word = (word ^ word >> 29) * _MIX_2 & _WORD
            left, right = right, left ^ word >> 32 & low
        entry = left << half_bits | right
        if entry < size:
            return entry


@lru_cache(maxsize=1024)
def _round_keys(key: tuple[int | str, ...]) -> tuple[int, ...]:
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8 * _ROUNDS).digest()
    return struct.unpack(f"<{_ROUNDS}Q", digest)
