"""The report's data as JSON inside the page: a column for each slice and number, the examples, each photo once.

`assets/data.js` reads it. Model answers and expressions are untrusted: `<` is written as an escape, so no text can
end the element that holds them, and the page's script puts them into text nodes alone.
"""

import json
from collections.abc import Sequence

from evaluation.report.gallery import CHOSEN, Answered, Example
from evaluation.report.row import OUTCOMES, ReportRow
from evaluation.statistics.slices import SLICES
from polygon import Box, Mask, Point, Region

MAX_TEXT = 2000
"""Characters of an answer in the page: enough for 125 vertices, and a runaway answer costs no more."""

MEASURE = {"point": "hit"}
"""What the score of one answer is called; of a mask or a box it is its IoU."""


def page_data(runs: Sequence[str], rows: Sequence[ReportRow], examples: Sequence[Example]) -> str:
    """JSON for `<script type="application/json">`; `runs` are the labels in the order of the rows' runs."""
    photos = {photo: index for index, photo in enumerate(dict.fromkeys(example.photo for example in examples))}
    failures = sorted({run.outcome for row in rows for run in row.runs} - set(OUTCOMES))
    outcomes = [*OUTCOMES, *failures]
    columns = range(len(runs))
    content = {
        "runs": list(runs),
        "measure": MEASURE.get(rows[0].kind, "IoU") if len({row.kind for row in rows}) == 1 else "score",
        "slices": _slices(rows),
        "outcomes": outcomes,
        "outcome": [_indices([row.runs[run].outcome for row in rows], outcomes) for run in columns],
        "score": [[round(row.runs[run].score, 4) for row in rows] for run in columns],
        "vertices": [[row.runs[run].vertices for row in rows] for run in columns],
        "area": [row.area_px for row in rows],
        "words": [row.words for row in rows],
        "image": _indices([row.image_id for row in rows], list(dict.fromkeys(row.image_id for row in rows))),
        "chosen": CHOSEN if len(examples) < len(rows) else "",
        "photos": list(photos),
        "examples": [_example(example, rows[example.row], photos[example.photo]) for example in examples],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _slices(rows: Sequence[ReportRow]) -> list[dict]:
    """Every slice that splits the rows, its groups in the order of `evaluation.statistics.slices`, then by name."""
    slices = []
    for name in rows[0].groups:
        names = [row.groups[name] for row in rows]
        listed = SLICES.get(name, ())
        values = sorted(set(names), key=lambda value: (listed.index(value) if value in listed else len(listed), value))
        if len(values) > 1:
            slices.append({"name": name, "values": values, "index": _indices(names, values)})
    return slices


def _indices(names: Sequence[str], values: Sequence[str]) -> list[int]:
    position = {value: index for index, value in enumerate(values)}
    return [position[name] for name in names]


def _example(example: Example, row: ReportRow, photo: int) -> dict:
    return {
        "row": example.row,
        "id": row.sample_id,
        "question": example.question,
        "measure": MEASURE.get(row.kind, "IoU"),
        "photo": photo,
        "width": example.width,
        "height": example.height,
        "truth": _shape(example.truth, example),
        "answers": [_answer(answer, example) for answer in example.answers],
    }


def _answer(answer: Answered, example: Example) -> dict:
    cut = f" … ({len(answer.text)} characters)" if len(answer.text) > MAX_TEXT else ""
    shape = _shape(answer.region, example)
    if answer.union and isinstance(answer.region, Mask):
        shape = {**(shape or {}), "union": True}
    return {
        "shape": shape,
        "failure": answer.failure,
        "text": answer.text[:MAX_TEXT] + cut,
    }


def _shape(region: Region | None, example: Example) -> dict | None:
    """Coordinates in pixels of the sample, as assets/shapes.js draws them."""
    width, height = example.width, example.height
    match region:
        case None:
            return None
        case Box(x0, y0, x1, y1):
            return {"box": [_px(x0, width), _px(y0, height), _px(x1 - x0, width), _px(y1 - y0, height)]}
        case Point(x, y):
            return {"point": [_px(x, width), _px(y, height)]}
        case Mask(polygons):
            return {
                "rings": [
                    [_px(v, n) for xy in ring for v, n in zip(xy, (width, height), strict=True)] for ring in polygons
                ]
            }


def _px(share: float, size: int) -> float:
    return round(float(share) * size, 1)
