"""The answer itself, whatever it scores: could it be read and if not why, and what is odd about what it says.

A number that a text alone can have is NaN for a mask given as run lengths, the form of an answer where it was rewritten
from another notation, and one about the rings of an answer where none could be read.
"""

import math

import numpy as np

from evaluation.conventions import Conventions
from evaluation.prediction import Prediction
from polygon import FAILURES, Answer, Codec, Kind, Mask, Region
from polygon.contour import signed_area
from polygon.crossing import crosses_itself

MISSING = "missing"
FAILURE_COLUMNS = {cause: f"parse failures: {cause}" for cause in (*FAILURES, MISSING)}
"""The column of each cause."""


def read_answer(prediction: Prediction | None, kind: Kind, conventions: Conventions, codec: Codec) -> Answer | None:
    """What the text says in the codec's numbers; None where there is none: never answered, or a mask as run lengths."""
    if prediction is None or prediction.rle is not None:
        return None
    return codec.parse(prediction.text, kind, conventions.answers)


def answer_columns(prediction: Prediction | None, answer: Answer | None, kind: Kind) -> dict[str, float]:
    """Rates (0.0 or 1.0 of one answer) and counts.

    parts and holes are a mask's rings by their direction, `self-intersections` is 1.0 where any ring crosses itself.
    `repeated rings` and `repeated vertices` count those that are equal to an earlier one (of the same ring), which is
    what a model caught in a loop writes; `answers a text` is 2 or more where a text holds several.
    """
    failure = MISSING if prediction is None else answer.failure if answer else None
    tokens = prediction.tokens if prediction else None
    finish = prediction.finish if prediction else None
    is_rewritten = prediction is not None and prediction.is_rewritten
    return {
        "parse failures": float(failure is not None),
        **{column: float(failure == cause) for cause, column in FAILURE_COLUMNS.items()},
        "strictly formatted": math.nan if is_rewritten else float(answer is not None and answer.strict),
        "answers a text": float(answer.n_answers) if answer else math.nan,
        "tokens": math.nan if tokens is None else float(tokens),
        "cut at the token limit": math.nan if finish is None else float(finish == "length"),
        "breaks off": float(answer.truncated) if answer else math.nan,
        **(_ring_columns(answer.region if answer else None) if kind == "mask" else {}),
    }


def _ring_columns(mask: Region | None) -> dict[str, float]:
    if not isinstance(mask, Mask):
        return dict.fromkeys(_RINGS, math.nan)
    rings = [ring_N2.tobytes() for ring_N2 in mask.polygons]
    repeated = sum(len(ring_N2) - len(set(map(tuple, ring_N2.tolist()))) for ring_N2 in mask.polygons)
    holes = sum(signed_area(ring_N2) < 0 for ring_N2 in mask.polygons)
    crossing = any(crosses_itself(np.rint(ring_N2 * _GRID).astype(np.int64)) for ring_N2 in mask.polygons)
    counts = (mask.n_vertices, len(rings) - holes, holes, crossing, len(rings) - len(set(rings)), repeated)
    return dict(zip(_RINGS, map(float, counts), strict=True))


_GRID = 10**5
"""Codecs write at most 5 decimals: on this grid those are whole numbers, and whether edges cross is exact."""
_RINGS = ("vertices", "parts", "holes", "self-intersections", "repeated rings", "repeated vertices")
