"""Read the metrics a training run logged, one curve per name.

verl's file logger (FileLogger in verl/utils/tracking.py) writes one row a step: `{"step": 3, "data": {name: value}}`.
"""

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from polygon import UserError

ENDS = 10
"""Steps at either end of a curve, of which a mean is taken."""
TELLING = (
    r"reward/\w+|val-\w+/.+/reward/\w+/mean@\d+|parse_failure|vertices|response_length/mean|actor/entropy"
    r"|rollout_actor/log_prob_gap|timing_s/step"
)
"""The metrics of a GSPO run that tell how it went, as a regular expression."""


@dataclass(frozen=True)
class Curve:
    """Values by training step, in the order they were logged."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def read_curves(path: str | Path) -> dict[str, Curve]:
    """Every metric of a JSONL log that has a finite number. A line that is no such row is a UserError naming it."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no metrics log {path}; train with 'file' among trainer.logger")
    curves: dict[str, Curve] = {}
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                step, data = int(row["step"]), dict(row["data"])
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(f"{path}:{number}: not a row of metrics ({error}); expected step and data") from None
            for name, value in data.items():
                if isinstance(value, int | float) and math.isfinite(value):
                    curve = curves.setdefault(name, Curve())
                    curve.steps.append(step)
                    curve.values.append(float(value))
    return curves


def ends(values: Sequence[float], n: int = ENDS) -> tuple[float, float]:
    """Means over the first and the last n values; NaN of none."""
    if not values:
        return math.nan, math.nan
    return statistics.fmean(values[:n]), statistics.fmean(values[-n:])


def read_run(folder: Path) -> dict[str, Curve]:
    """The curves of all starts of a run, `metrics.1.jsonl` and so on; where two logged a step, the last one counts."""
    merged: dict[str, dict[int, float]] = defaultdict(dict)
    earlier = sorted(folder.glob("metrics.*.jsonl"), key=lambda file: int(file.name.split(".")[1]))
    for file in filter(Path.exists, [*earlier, folder / "metrics.jsonl"]):
        for name, curve in read_curves(file).items():
            merged[name] |= zip(curve.steps, curve.values, strict=True)
    return {name: Curve(sorted(values), [values[step] for step in sorted(values)]) for name, values in merged.items()}
