"""Regions in a JSON answer, fenced or bare, whatever its keys: `{"bbox_2d": [10, 20, 30, 40], "label": "dog"}`.

How: lists of numbers are told apart by their shape. Four numbers are a box, two a point, three pairs or more a ring,
and so are six numbers or more in a flat list, as in COCO's polygons. Keys, labels and nesting say nothing needed here.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_FENCE = re.compile(r"```[\w+-]*(.*?)(?:```|\Z)", re.DOTALL)
_DECODER = json.JSONDecoder()

Pair = tuple[float, float]


@dataclass
class JsonAnswer:
    """What a JSON value holds, in its own unit and order; `empty` for a value without any content: "no target"."""

    rings: list[list[Pair]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    points: list[Pair] = field(default_factory=list)
    empty: bool = False


def json_answer(text: str) -> JsonAnswer | None:
    """The first JSON value of a text, taken from its first fence if it has one; None where there is no whole value."""
    fence = _FENCE.search(text)
    content = fence[1] if fence else text
    start = min((at for at in (content.find("["), content.find("{")) if at >= 0), default=-1)
    if start < 0:
        return None
    try:
        value, _ = _DECODER.raw_decode(content, start)
    except (ValueError, RecursionError):
        return None
    answer = JsonAnswer(empty=value in ([], {}))
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting += reversed(node.values())
        elif isinstance(node, list) and not _take(node, answer):
            waiting += reversed(node)
    return answer


def _take(node: list, answer: JsonAnswer) -> bool:
    """Whether the list is a region, which is then added."""
    if all(map(_is_number, node)):
        pairs = list(zip(node[::2], node[1::2], strict=False))
        if len(node) == 2:
            answer.points += pairs
        elif len(node) == 4:
            answer.boxes.append((*pairs[0], *pairs[1]))
        elif len(node) >= 6 and len(node) % 2 == 0:
            answer.rings.append(pairs)
        return True
    if len(node) >= 3 and all(
        isinstance(each, list) and len(each) == 2 and all(map(_is_number, each)) for each in node
    ):
        answer.rings.append([(x, y) for x, y in node])
        return True
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
