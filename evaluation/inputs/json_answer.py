"""Regions in JSON, whatever its keys: `{"bbox_2d": [10, 20, 30, 40], "label": "dog"}`, one value or several.

How: lists of numbers are told apart by their shape. Four numbers are a box, two a point, three pairs or more a ring,
and so are six numbers or more in a flat list, as in COCO's polygons. Where a key says that coordinates follow, lists
under other keys (an image's size, a colour) are left alone. Numbers may be text, and so may whole lists. What models
write that is not quite JSON is read too: a trailing comma, `.5`, `012`, single quotes, an end that is cut off.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from evaluation.inputs.markup import loose_lists
from evaluation.inputs.reading import MaskImage, Pair, Reading
from polygon.scan import VALUE

_DECODER = json.JSONDecoder()
_ATTEMPTS = 64
"""Values that are begun and turn out to be none; the rest of a text with more of them is not looked at as JSON."""
_OPENING = re.compile(r"[\[{]")
_BRACKETS = re.compile(r"[\[\]\d\s.,eE+-]*+")
_NUMBER = re.compile(r"\s*+[+-]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?+\d++)?+\s*+")
_GEOMETRY = re.compile(r"box|point|poly|segm|mask|coord", re.I)
_LIKELY = re.compile(r"pos|loc|region|contour|outline|vert|ring|click|object|detect|result|answer", re.I)
_OTHER = re.compile(r"label|text|name|caption|descr|reason|class|categ|colou?r|size|score|conf|count|\bid", re.I)
"""Keys under which coordinates stand, do so unless they are of the third kind, and do not."""
_LOOSE = (
    (re.compile(r"(?<=[\[,\s])\+(?=[\d.])"), ""),
    (re.compile(r"(?<=[\[,\s-])\.(?=\d)"), "0."),
    (re.compile(r"(?<=[\[,\s-])0++(?=\d)"), ""),
    (re.compile(r"(?<=\d)\.(?=[,\s\]])"), ""),
    (re.compile(r",(?=\s*+[\]}])"), ""),
)
"""Numbers and commas that JSON does not allow -> as it wants them."""
_BOXES = (
    ("x1", "y1", "x2", "y2"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)
_SIDES = (("width", "height"), ("w", "h"))


def read_json(content: str, reading: Reading, y_first: bool) -> bool:
    """Add what the JSON values of a text hold; whether it has any. y_first: lists of numbers begin with y.

    Linear in the text.
    """
    for pattern, written in _LOOSE:
        content = pattern.sub(written, content)
    certain, other, pieces = Reading(), Reading(), []
    is_named = is_json = False
    for value in _values(content, pieces):
        is_json = True
        is_named |= _walk(value, certain, other, y_first)
        certain.empty |= value in ([], {})
    reading.add(certain if is_named or certain else other)
    reading.empty |= certain.empty
    reading.unread |= other.unread | certain.unread
    reading.pieces += [VALUE.sub(_swapped, piece) if y_first else piece for piece in pieces if VALUE.search(piece)]
    return is_json


def _swapped(match: re.Match[str]) -> str:
    first, second, *more = (number for number in match.groups() if number is not None)
    return "[" + ", ".join([second, first, *reversed(more)]) + "]"


def _values(content: str, pieces: list[str]) -> Iterator[Any]:
    """The whole values of a text; runs of brackets and numbers that are none become pieces."""
    at, failed = 0, 0
    while (opening := _OPENING.search(content, at)) is not None:
        start = opening.start()
        try:
            if failed == _ATTEMPTS:
                raise RecursionError
            value, at = _DECODER.raw_decode(content, start)
        except RecursionError:
            pieces.append(content[start:])
            return
        except ValueError as error:
            plain = _BRACKETS.match(content, start)
            end = plain.end() if plain else start
            if end >= getattr(error, "pos", len(content)) and end > start:
                pieces.append(content[start:end])
                at = end
            else:
                failed, at = failed + 1, start + 1
        else:
            yield value


def _walk(value: Any, certain: Reading, other: Reading, y_first: bool) -> bool:
    """Add regions to `certain` where a key says what they are; whether a key does, though nothing be found there."""
    waiting, any_named = [(value, "", False)], False
    while waiting:
        node, key, is_named = waiting.pop()
        into = certain if is_named else other
        any_named |= is_named and (node is None or isinstance(node, list))
        if isinstance(node, dict):
            if not _take_object(node, certain, y_first):
                waiting += [(inner, name, _says(name, is_named)) for name, inner in reversed(node.items())]
        elif isinstance(node, list):
            into.empty |= is_named and not node
            if not _take_list(node, key, into, y_first):
                waiting += [(inner, key, is_named) for inner in reversed(node)]
        elif isinstance(node, str) and is_named:
            if (inner := _decoded(node)) is not None:
                waiting.append((inner, key, True))
            else:
                for numbers in loose_lists(node, bare=True):
                    add_list(numbers, into, y_first)
    return any_named


def _says(name: str, is_named: bool) -> bool:
    """Whether coordinates stand under a key, itself under one that says so or not."""
    if _GEOMETRY.search(name):
        return True
    return not _OTHER.search(name) and (is_named or bool(_LIKELY.search(name)))


def _decoded(text: str) -> list | dict | None:
    """The JSON list or object in a string."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def _take_list(node: list, key: str, into: Reading, y_first: bool) -> bool:
    """Whether the list is one of numbers, or of pairs of them, which is then added."""
    numbers = [_number(value) for value in node]
    if node and not any(isinstance(value, list | dict) for value in node):
        if (values := [number for number in numbers if number is not None]) == numbers:
            add_list(values, into, y_first)
        elif not all(isinstance(value, str) for value in node):
            into.unread.setdefault("numbers", f"a list of {len(node)} with {json.dumps(node)[:40]} in it")
        return True
    if len(node) < 2 or not all(isinstance(each, list) and len(each) == 2 for each in node):
        return False
    pairs = [(_number(x), _number(y)) for x, y in node]
    ring = [_pair(x, y, y_first) for x, y in pairs if x is not None and y is not None]
    if len(ring) < len(pairs):
        into.unread.setdefault("numbers", f"a list of {len(pairs)} pairs with something else in it")
    elif len(ring) >= 3:
        into.rings.append(ring)
    elif "box" in key.lower():
        into.boxes.append((*ring[0], *ring[1]))
    else:
        into.points += ring
    return True


def add_list(values: list[float], into: Reading, y_first: bool) -> None:
    """Add the region that so many numbers are."""
    pairs = [_pair(*pair, y_first) for pair in zip(values[::2], values[1::2], strict=False)]
    if len(values) == 2:
        into.points += pairs
    elif len(values) == 4:
        into.boxes.append((*pairs[0], *pairs[1]))
    elif len(values) >= 6 and len(values) % 2 == 0:
        into.rings.append(pairs)
    else:
        into.unread.setdefault("numbers", f"a list of {len(values)} numbers, neither point, box nor ring")


def _take_object(node: dict, into: Reading, y_first: bool) -> bool:
    """Whether an object is a region by the names of its keys, x before y always; run lengths and masks are told."""
    if "counts" in node and "size" in node:
        into.unread.setdefault("run_lengths", "run lengths in a text")
        return True
    if isinstance(mask := node.get("mask"), str):
        _take_mask(mask, node, into, y_first)
        return False
    lower = {name.lower(): _number(value) for name, value in node.items()}
    for names in _BOXES:
        if (values := _all(lower, names)) is not None:
            into.boxes.append((values[0], values[1], values[2], values[3]))
            return True
    if (values := _all(lower, ("x", "y"))) is None:
        return False
    if any(_all(lower, names) is not None for names in _SIDES):
        into.unread.setdefault("numbers", "a box by x, y, width and height: x and y may be its corner or its centre")
    else:
        into.points.append((values[0], values[1]))
    return True


def _take_mask(mask: str, node: dict, into: Reading, y_first: bool) -> None:
    """A mask as Gemini writes it, a PNG that covers the box beside it."""
    beside = Reading()
    for name, value in node.items():
        if "box" in name.lower() and isinstance(value, list):
            _take_list(value, name, beside, y_first)
    if "<seg_" in mask or "<start_of_mask>" in mask:
        into.unread["mask_tokens"] = "a mask in tokens, which only the model's own decoder can paint"
    elif mask and beside.boxes:
        into.masks.append(MaskImage(beside.boxes[0], mask))
    elif mask:
        into.unread["mask_image"] = "a mask without a box beside it"


def _pair(first: float, second: float, y_first: bool) -> Pair:
    return (second, first) if y_first else (first, second)


def _all(values: dict[str, float | None], names: tuple[str, ...]) -> list[float] | None:
    found = [value for name in names if (value := values.get(name)) is not None]
    return found if len(found) == len(names) else None


def _number(value: Any) -> float | None:
    """A number, or text that is one; None for everything else, infinite numbers too."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if is_number else None
