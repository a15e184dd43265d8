"""What the report keeps of a sample: its groups, a few numbers, and what each run scored on it.

A column of the page is made of these (evaluation/report/page_data.py), and the gallery is chosen among them. Of several
draws for a sample the first is taken, because a picture shows one answer; the tables above it average over draws.
"""

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from evaluation.statistics.result import Result
from polygon import Kind, UserError

MAX_ROWS = 100_000
"""About 40 bytes each in the page; of more samples it shows a random choice."""

OUTCOMES = ("rightly empty", "hit", "poor overlap", "elsewhere", "nothing drawn", "drawn without target")
"""What a readable answer may turn out to be; an unreadable one has its failure as outcome: `unreadable: no_answer`.
A hit is a score of at least 0.5, a poor overlap one below it, elsewhere a score of 0."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run's answer: its draw, score in [0, 1], vertices (None where it drew no outline), outcome."""

    draw: int
    score: float
    vertices: int | None
    outcome: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One sample: the kind of answer, its groups by the name of the slice, and a RunRow for each run.

    `area_px` is the target's area and `words` are those of the expression, None where there is no mask or expression.
    """

    sample_id: str
    image_id: str
    kind: Kind
    groups: Mapping[str, str]
    area_px: int | None
    words: int | None
    runs: tuple[RunRow, ...]


def report_rows(runs: Mapping[str, Iterable[Result]], max_rows: int = MAX_ROWS, seed: int = 0) -> list[ReportRow]:
    """Join the results of one run, or of two on the same samples, by label; a random `max_rows` of them if more.

    Raises UserError for more than two runs, for runs that scored different samples, and for no results at all.
    """
    if not 1 <= len(runs) <= 2:
        raise UserError(f"a report shows one run or compares two; it was given {len(runs)}")
    results, *others = runs.values()
    rows = {result.sample_id: _row(result) for result in _first_draws(results)}
    for other in others:
        answers = {result.sample_id: _run_row(result) for result in _first_draws(other)}
        if answers.keys() != rows.keys():
            raise UserError("cannot compare runs on different samples; evaluate both on the same split and limit")
        rows = {name: replace(row, runs=(*row.runs, answers[name])) for name, row in rows.items()}
    if not rows:
        raise UserError("there are no results to report")
    joined = list(rows.values())
    if len(joined) <= max_rows:
        return joined
    return [joined[index] for index in sorted(random.Random(seed).sample(range(len(joined)), max_rows))]


def outcome(result: Result) -> str:
    """One of OUTCOMES, or `unreadable: <cause>`."""
    if result.failure is not None:
        return f"unreadable: {result.failure}"
    rightly_empty, hit, poor_overlap, elsewhere, nothing_drawn, drawn_without_target = OUTCOMES
    if result.kind == "mask":
        predicted_px, truth_px = result.values["predicted_px"], result.values["truth_px"]
        if truth_px == 0:
            return drawn_without_target if predicted_px else rightly_empty
        if predicted_px == 0:
            return nothing_drawn
    if result.score >= 0.5:
        return hit
    return poor_overlap if result.score > 0 else elsewhere


def _first_draws(results: Iterable[Result]) -> Iterable[Result]:
    seen = set()
    for result in results:
        if result.sample_id not in seen:
            seen.add(result.sample_id)
            yield result


def _row(result: Result) -> ReportRow:
    return ReportRow(
        sample_id=result.sample_id,
        image_id=result.image_id,
        kind=result.kind,
        groups={"task": result.task, **result.slices},
        area_px=_count(result, "truth_px"),
        words=_count(result, "expression words"),
        runs=(_run_row(result),),
    )


def _run_row(result: Result) -> RunRow:
    return RunRow(result.draw, result.score, _count(result, "vertices"), outcome(result))


def _count(result: Result, name: str) -> int | None:
    value = result.values.get(name, math.nan)
    return None if math.isnan(value) else int(value)
