"""One answer of a model as one JSONL row: sample id, draw, raw text, tokens. Everything else is recomputed from these.

    {"sample_id": "shapes/val/7", "draw": 0, "text": "[[[0.12, 0.34], ...]]", "tokens": 61, "finish": "stop"}

`sample_id` and `text` are required. `draw` (0 unless several answers per sample were sampled), `tokens` and `finish`
("stop", or "length" when the token limit cut the answer) may be left out, so that any model's answers can be scored.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from evaluation.output import write_whole
from polygon import UserError

FINISHES = ("stop", "length")


@dataclass(frozen=True)
class Prediction:
    """One answer to one sample; `tokens` and `finish` are None where the writer did not say."""

    sample_id: str
    text: str
    draw: int = 0
    tokens: int | None = None
    finish: Literal["stop", "length"] | None = None


def read_predictions(path: str | Path) -> Iterator[Prediction]:
    """The rows of a JSONL file, in file order, without blank lines. A bad line is a UserError naming file and line."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no predictions file {path}; write one with `python -m rollout.generate`")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _parse(line, f"{path}:{number}")


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write JSONL, all of it or nothing."""
    write_whole(path, "".join(json.dumps(asdict(prediction)) + "\n" for prediction in predictions).encode())


def _parse(line: bytes, where: str) -> Prediction:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}); remove the line and generate it again") from None
    if not isinstance(row, dict):
        raise UserError(f"{where}: expected a JSON object, found {type(row).__name__}")
    known = [field.name for field in fields(Prediction)]
    if unknown := sorted(row.keys() - set(known)):
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")
    for name, is_valid, expected in _RULES:
        if not is_valid(row.get(name, _DEFAULTS.get(name))):
            raise UserError(f"{where}: {name} must be {expected}, found {json.dumps(row.get(name))[:80]}")
    return Prediction(**row)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_DEFAULTS = {"draw": 0}
_RULES = (
    ("sample_id", lambda value: isinstance(value, str) and value != "", "a non-empty string"),
    ("text", lambda value: isinstance(value, str), "a string"),
    ("draw", _is_count, "a whole number from 0"),
    ("tokens", lambda value: value is None or _is_count(value), "a whole number from 0, or null"),
    ("finish", lambda value: value is None or value in FINISHES, f"one of {', '.join(FINISHES)}, or null"),
)
