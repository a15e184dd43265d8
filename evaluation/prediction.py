"""One answer of a model as one JSONL row: sample id, draw, raw text, tokens. Everything else is recomputed from these.

    {"sample_id": "shapes/val/7", "draw": 0, "text": "[[[0.12, 0.34], ...]]", "tokens": 61, "finish": "stop"}

`sample_id` and `text` are required. `draw` (0 unless several answers per sample were sampled), `tokens` and `finish`
("stop", or "length" when the token limit cut the answer) may be left out, so that any model's answers can be scored.

A segmenter that answers with masks writes `rle`, COCO run lengths of the image's size, instead of a `text`, and may add
the `score` it gives the mask (`evaluation.average_precision` ranks by it; the metrics of an expression do not).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from polygon import UserError
from polygon.output import write_whole

FINISHES = ("stop", "length")


@dataclass(frozen=True)
class Prediction:
    """One answer to one sample; `tokens`, `finish` and `score` are None where the writer did not say.

    The answer is what can be read in `text`, or the mask in `rle` where that is set (`text` is then not read).
    `is_rewritten`: `text` is another notation's answer in ours, so that its form says nothing; no key of a file.
    """

    sample_id: str
    text: str = ""
    draw: int = 0
    tokens: int | None = None
    finish: Literal["stop", "length"] | None = None
    rle: dict | None = None
    score: float | None = None
    is_rewritten: bool = False


def read_predictions(path: str | Path) -> Iterator[Prediction]:
    """The rows of a JSONL file, in file order, without blank lines. A bad line is a UserError naming file and line."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no predictions file {path}; write one with `python -m rollout.generate`")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield parse_line(line, f"{path}:{number}")


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write JSONL, all of it or nothing."""
    write_whole(path, "".join(json.dumps(_row(prediction)) + "\n" for prediction in predictions).encode())


def _row(prediction: Prediction) -> dict:
    """Without what only segmenters say, where it was not said."""
    row = asdict(prediction)
    del row["is_rewritten"]
    return {key: value for key, value in row.items() if value is not None or key not in ("rle", "score")}


def parse_line(line: bytes, where: str) -> Prediction:
    """One line of a JSONL file. Raises UserError that starts with `where` for what is no prediction."""
    return prediction_of(parse_object(line, where), where)


def parse_object(line: bytes, where: str) -> dict:
    """The JSON object of a line. Raises UserError."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}); remove the line and generate it again") from None
    if not isinstance(row, dict):
        raise UserError(f"{where}: expected a JSON object, found {type(row).__name__}")
    return row


def prediction_of(row: dict, where: str) -> Prediction:
    """The prediction of a JSON object. Raises UserError naming the key that is unknown, missing or wrong."""
    known = [field.name for field in fields(Prediction) if field.name != "is_rewritten"]
    if unknown := sorted(row.keys() - set(known)):
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")
    defaults = _DEFAULTS if row.get("rle") is None else _DEFAULTS | {"text": ""}
    for name, is_valid, expected in _RULES:
        if not is_valid(row.get(name, defaults.get(name))):
            raise UserError(f"{where}: {name} must be {expected}, found {json.dumps(row.get(name))[:80]}")
    return Prediction(**row)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_rle(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("counts"), str) and isinstance(value.get("size"), list)


_DEFAULTS: dict[str, object] = {"draw": 0}
_RULES = (
    ("sample_id", lambda value: isinstance(value, str) and value != "", "a non-empty string"),
    ("text", lambda value: isinstance(value, str), "a string"),
    ("draw", _is_count, "a whole number from 0"),
    ("tokens", lambda value: value is None or _is_count(value), "a whole number from 0, or null"),
    ("finish", lambda value: value is None or value in FINISHES, f"one of {', '.join(FINISHES)}, or null"),
    ("rle", lambda value: value is None or _is_rle(value), 'run lengths {"size": [h, w], "counts": "..."}, or null'),
    ("score", lambda value: value is None or type(value) in (int, float), "a number, or null"),
)
