"""What models put around coordinates: special tokens, fences, point tags, and brackets other than JSON's.

<|box_start|>(220,416),(417,720)<|box_end|>           Qwen2-VL
<box>[[104, 40, 310, 222]]</box>                      InternVL; Qwen-VL with pairs in parentheses
<|det|>[[580, 270, 999, 900]]<|/det|>                 DeepSeek-VL2
<|begin_of_box|>(94,598,177,991)<|end_of_box|>        GLM-4.5V, in brackets of any kind
<point x="63.5" y="44.5" alt="dog">dog</point>        Molmo, and <points x1= y1= x2= y2= ...>
<points coords="1 1 635 445 2 120 310">dog</points>   Molmo 2: image, then number, x and y of each point
"""

import re
from collections.abc import Iterator

from evaluation.inputs.reading import Reading

_BLOCKS = (
    ("<|box_start|>", "<|box_end|>"),
    ("<|quad_start|>", "<|quad_end|>"),
    ("<|point_start|>", "<|point_end|>"),
    ("<|det|>", "<|/det|>"),
    ("<|begin_of_box|>", "<|end_of_box|>"),
    ("<box>", "</box>"),
    ("```", "```"),
)
"""Of those that a text has, the first kind is looked into, and what stands outside is prose."""
_FENCE_NAME = re.compile(r"\A[\w+-]*+\s")
_N = r"\s*+([+-]?+(?:\d{1,32}+(?:\.\d{0,32}+)?+|\.\d{1,32}+))\s*+"
_LIST = re.compile(rf"[(<{{\[]{_N},{_N}(?:,{_N},{_N})?+[)>}}\]]")
_BETWEEN = re.compile(r"[\s,]*+")
_BARE = re.compile(rf"{_N}(?:[,\s]{_N})++")
_ONE = re.compile(_N)
_TAG = re.compile(r"<points?\b([^<>]*+)(?:>|\Z)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rf"\b([xy])(\d*+)\s*+=\s*+[\"']{_N}[\"']", re.IGNORECASE)
_COORDS = re.compile(r"\bcoords\s*+=\s*+[\"']([\d.,;:\s]*+)[\"']", re.IGNORECASE)


def blocks(text: str) -> list[str]:
    """The contents of the blocks of a text, or the text itself where it has none. Linear in the text."""
    for opening, closing in _BLOCKS:
        if (start := text.find(opening)) >= 0:
            found = []
            while start >= 0:
                start += len(opening)
                end = text.find(closing, start)
                content = text[start : end if end >= 0 else None]
                found.append(_FENCE_NAME.sub("", content) if opening == "```" else content)
                start = text.find(opening, end + len(closing)) if end >= 0 else -1
            return found
    return [text]


def loose_lists(text: str, bare: bool) -> Iterator[list[float]]:
    """Numbers in brackets of any kind: two or four, and pairs that follow each other together, as corners or a ring.

    bare: the text is expected to be coordinates and nothing else, so that it needs no brackets.
    """
    if bare and _BARE.fullmatch(text):
        yield [float(number[1]) for number in _ONE.finditer(text)]
        return
    run: list[float] = []
    end = 0
    for match in _LIST.finditer(text):
        numbers = [float(number) for number in match.groups() if number is not None]
        if run and len(numbers) == 2 and _BETWEEN.fullmatch(text, end, match.start()):
            run += numbers
        else:
            yield from (each for each in (run, numbers[:4] if len(numbers) == 4 else []) if each)
            run = numbers if len(numbers) == 2 else []
        end = match.end()
    if run:
        yield run


def read_point_tags(text: str, reading: Reading) -> None:
    """Add the points of Molmo's tags. Linear in the text."""
    for tag in _TAG.finditer(text):
        if (coords := _COORDS.search(tag[1])) is not None:
            _take_coords(coords[1], reading)
            continue
        sides: dict[str, dict[str, float]] = {}
        for side, number, value in _ATTRIBUTE.findall(tag[1]):
            sides.setdefault(number, {})[side.lower()] = float(value)
        reading.points += [(pair["x"], pair["y"]) for pair in sides.values() if len(pair) == 2]


def _take_coords(coords: str, reading: Reading) -> None:
    numbers = [float(number[1]) for number in _ONE.finditer(coords)]
    points = numbers[1:]
    if len(points) % 3 or ";" in coords:
        reading.unread.setdefault("coords", f"points coords={coords[:40]!r}: not an image and triples behind it")
        return
    reading.points += list(zip(points[1::3], points[2::3], strict=True))
