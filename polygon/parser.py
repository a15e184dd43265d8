"""Read an answer out of any text a model writes: what was found, and whether the text was exactly that.

Thinking is no answer: of a text with `<think>` or `<answer>` tags, what `polygon.answer_block` takes out of it is read.
How lenient: prose and fences around an answer are skipped; a lone ring `[[x, y], ...]` is a mask of one ring; an extra
pair of brackets around anything is ignored; signs, exponents and missing leading zeros are read, numbers are clipped to
[0, 1] and the corners of a box sorted; an answer that breaks off keeps its complete rings, and the unfinished one if it
has 3 vertices, and the rest of its brackets is passed over. None of that is `strict`. `polygon.scan` does the reading.
"""

from dataclasses import dataclass
from typing import Literal

from polygon.answer_block import final_answer
from polygon.region import Kind, Mask, Region
from polygon.scan import STRIDE, VALUE, Scan

FAILURES = ("empty", "no_answer", "wrong_kind", "bad_number", "too_few_vertices", "too_large")

Answers = Literal["all", "first"]
"""Of several answers in one text the masks are joined, or the first counts; of boxes and points the first does."""

MAX_VERTICES = 2048
"""Edges that all cross each other cost the rasteriser quadratic time (half a second for so many). Of 2,300 COCO objects
the largest has 1,245 vertices before simplification."""
MAX_CHARACTERS = 32 * MAX_VERTICES
"""A canonical vertex takes 16 characters at 3 decimals; the other half is room for prose."""


@dataclass(frozen=True)
class Answer:
    """What a text says.

    region: the answer, None exactly where `failure` (one of FAILURES) says why there is none.
    strict: the text is one well-formed answer of this kind and nothing else but surrounding whitespace; numbers are
        plain decimals in [0, 1], or whole and below `steps`; rings have at least 3 vertices, the corners of a box are
        in order. A text with thinking or an answer block is read and never strict: our models are trained to answer
        with the answer alone, and the format reward pays for that.
    n_answers: usable answers of this kind in the text.
    truncated: the text ends inside an answer.
    """

    kind: Kind
    region: Region | None
    strict: bool
    failure: str | None
    n_answers: int
    truncated: bool


def parse(text: str, kind: Kind, answers: Answers = "all", *, steps: int | None = None) -> Answer:
    """Read the answer of the given kind in `text`; never raises, whatever the text.

    Rewards and evaluation both read by this function.  Of a text that thinks, its final answer is read
    (polygon/answer_block.py), and no such text is strict.
    `answers="all"` joins the rings of every mask in the text, as the reference release does; a box or a point is the
    first in either case.
    `steps`: coordinates are whole numbers of which that many make a side (`Codec.integers`).
    """
    block = final_answer(text)
    if len(block) > MAX_CHARACTERS:
        return Answer(kind, None, False, "too_large", 0, False)
    pieces = VALUE.split(block)
    if len(pieces) // STRIDE > MAX_VERTICES:
        return Answer(kind, None, False, "too_large", 0, False)
    scan = Scan(pieces, steps)
    regions = scan.regions[kind]
    if not regions:
        failure = scan.failure() if text.strip() else "empty"
        return Answer(kind, None, False, failure, 0, scan.truncated)
    region = regions[0]
    if kind == "mask" and answers == "all":
        region = Mask(tuple(ring for mask in regions if isinstance(mask, Mask) for ring in mask.polygons))
    return Answer(kind, region, block is text and scan.strict_state == "end", None, len(regions), scan.truncated)
