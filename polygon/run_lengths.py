"""Do run lengths fill their image? pycocotools does not ask: it leaves what they do not reach as the memory was.

The compressed form is COCO's own (rleFrString in cocoapi's maskApi.c): five bits a character from `0` on, bit 5 says
that more follow, bit 4 of the last is the sign, and from the fourth on a length is the difference to the last but one.
"""

_MAX_BITS = 35
"""A run length has 32 bits at most: seven characters."""


def pixels_covered(counts: str | bytes | list[int]) -> int:
    """Pixels that run lengths stand for, in either form. Raises ValueError or TypeError for what is neither."""
    if isinstance(counts, list):
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("run lengths are whole numbers from 0")
        return sum(counts)
    lengths: list[int] = []
    value = shift = 0
    for code in counts.encode("ascii") if isinstance(counts, str) else counts:
        code -= 48
        if not 0 <= code < 64 or shift > _MAX_BITS:
            raise ValueError("characters that are none of run lengths")
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        value = shift = 0
    if shift or any(length < 0 for length in lengths):
        raise ValueError("the text of the run lengths is damaged")
    return sum(lengths)
