"""The text of an answer: mask `[[[x, y], ...], ...]`, box `[x0, y0, x1, y1]`, point `[x, y]`; `[]` is "no target".

`format_region` writes the canonical text (fixed decimals, ", " between items) and `ebnf` is the same language as a
grammar for constrained decoding. `polygon.parser.parse` reads it back, and much that is not quite it.
"""

from collections.abc import Iterable

from polygon.region import Box, Kind, Point, Region


def format_region(region: Region, precision: int = 3) -> str:
    """Canonical text of a region; every number has `precision` decimals, so 0.12 is written 0.120 at 3."""
    match region:
        case Point(x, y):
            return _numbers((x, y), precision)
        case Box(x0, y0, x1, y1):
            return _numbers((x0, y0, x1, y1), precision)
    rings = (", ".join(_numbers(vertex, precision) for vertex in ring_N2.tolist()) for ring_N2 in region.polygons)
    return "[" + ", ".join(f"[{ring}]" for ring in rings) + "]"


def _numbers(values: Iterable[float], precision: int) -> str:
    return "[" + ", ".join(f"{value:.{precision}f}" for value in values) + "]"


def ebnf(kind: Kind, precision: int = 3) -> str:
    """The canonical language of one kind of answer as EBNF, for vLLM's structured outputs (xgrammar's GBNF dialect)."""
    number = f'number ::= "0." {" ".join(["[0-9]"] * precision)} | "1.{"0" * precision}"'
    vertex = 'vertex ::= "[" number ", " number "]"'
    ring = 'ring ::= "[" vertex ", " vertex (", " vertex)+ "]"'
    rules = {
        "mask": ['root ::= "[]" | "[" ring (", " ring)* "]"', ring, vertex, number],
        "box": ['root ::= "[" number ", " number ", " number ", " number "]"', number],
        "point": ["root ::= vertex", vertex, number],
    }
    return "\n".join(rules[kind]) + "\n"
