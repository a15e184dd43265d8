"""The text of an answer: mask `[[[x, y], ...], ...]`, box `[x0, y0, x1, y1]`, point `[x, y]`; `[]` is "no target".

`format_region` writes the canonical text (fixed decimals, ", " between items) and `ebnf` is the same language as a
grammar for constrained decoding. `polygon.parser.parse` reads it back, and much that is not quite it.

With `integers`, coordinates are whole numbers: at 3 decimals 0.123 is 123, and all is 0 to 999 (1.0 is written 999).
"""

from collections.abc import Callable, Iterable

from polygon.region import Box, Kind, Point, Region


def format_region(region: Region, precision: int = 3, integers: bool = False) -> str:
    """Canonical text of a region; every number has `precision` decimals, so 0.12 is written 0.120 at 3."""
    steps = 10**precision

    def decimal(value: float) -> str:
        return f"{value:.{precision}f}"

    def integer(value: float) -> str:
        return str(min(round(value * steps), steps - 1))

    write = integer if integers else decimal
    match region:
        case Point(x, y):
            return _numbers((x, y), write)
        case Box(x0, y0, x1, y1):
            return _numbers((x0, y0, x1, y1), write)
    rings = (", ".join(_numbers(vertex, write) for vertex in ring_N2.tolist()) for ring_N2 in region.polygons)
    return "[" + ", ".join(f"[{ring}]" for ring in rings) + "]"


def _numbers(values: Iterable[float], write: Callable[[float], str]) -> str:
    return "[" + ", ".join(map(write, values)) + "]"


def ebnf(kind: Kind, precision: int = 3, integers: bool = False) -> str:
    """The canonical language of one kind of answer as EBNF, for vLLM's structured outputs (xgrammar's GBNF dialect)."""
    number = f'number ::= "0." {" ".join(["[0-9]"] * precision)} | "1.{"0" * precision}"'
    if integers:
        number = "number ::= [0-9]" + "".join(f" | [1-9]{' [0-9]' * more}" for more in range(1, precision))
    vertex = 'vertex ::= "[" number ", " number "]"'
    ring = 'ring ::= "[" vertex ", " vertex (", " vertex)+ "]"'
    rules = {
        "mask": ['root ::= "[]" | "[" ring (", " ring)* "]"', ring, vertex, number],
        "box": ['root ::= "[" number ", " number ", " number ", " number "]"', number],
        "point": ["root ::= vertex", vertex, number],
    }
    return "\n".join(rules[kind]) + "\n"
