"""Join predictions with the samples they answer and score them.

Samples stream by, so images are never held together; a ground-truth mask is decoded once for all draws of its sample.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from data.sample import Sample
from data.task import TASKS
from evaluation.evaluators import ACC_BOXES, EVALUATORS, AccBox, Columns
from evaluation.metrics import RESAMPLES, SEED
from evaluation.prediction import Prediction
from evaluation.scores import Scores, TaskScores
from polygon import FAILURES, Codec, Target, UserError, parse

MISSING = "missing"
DECODINGS = {
    "matched": "matched: filled along pixel centres as they were traced, holes cut out",
    "reference": "reference: pycocotools, union of all rings, holes filled",
}


def evaluate(
    predictions: Iterable[Prediction],
    samples: Iterable[Sample],
    codec: Codec,
    *,
    acc_box: AccBox = "annotated",
    allow_missing: bool = False,
) -> Scores:
    """Score every sample on every draw that occurs in the predictions.

    A sample without a prediction for one of the draws is an error, or, with `allow_missing`, scores as a parse failure.
    Raises UserError for that, for two predictions of one (sample_id, draw) and for ids that no sample has.
    """
    if acc_box not in ACC_BOXES:
        raise UserError(f"acc_box is {acc_box!r}; it can be {' or '.join(ACC_BOXES)}")
    answers = _by_sample(predictions)
    draws = sorted({draw for by_draw in answers.values() for draw in by_draw})
    if not draws:
        raise UserError("there are no predictions to score")

    per_task: dict[str, dict[str, Columns]] = defaultdict(dict)
    missing: list[tuple[str, int]] = []
    for sample in samples:
        by_draw = answers.pop(sample.sample_id, {})
        missing += [(sample.sample_id, draw) for draw in draws if draw not in by_draw]
        try:
            target = sample.target()
            rows = [answer_columns(by_draw.get(draw), target, codec, acc_box) for draw in draws]
        except UserError as error:
            raise UserError(f"sample {sample.sample_id!r}: {error}") from error
        per_task[sample.task][sample.sample_id] = _mean_over_draws(rows)

    if answers:
        raise UserError(
            f"predictions for {_named(answers)} that the split does not have; check dataset, split and limit"
        )
    if missing and not allow_missing:
        unanswered = dict.fromkeys(sample_id for sample_id, _ in missing)
        raise UserError(
            f"missing predictions: {len(missing)}, for {_named(unanswered)}; "
            "generate them, or score them 0 with allow_missing=true"
        )
    return Scores(
        tasks={task: _task_scores(task, rows) for task, rows in per_task.items()},
        conventions=conventions(codec, acc_box, allow_missing),
        n_samples=sum(len(rows) for rows in per_task.values()),
        n_draws=len(draws),
        n_missing=len(missing),
    )


def answer_columns(prediction: Prediction | None, target: Target, codec: Codec, acc_box: AccBox) -> Columns:
    """Every number about one answer; None is an answer that was never given."""
    answer = parse(prediction.text, target.kind) if prediction else None
    failure = answer.failure if answer else MISSING
    tokens = prediction.tokens if prediction else None
    finish = prediction.finish if prediction else None
    return {
        **EVALUATORS[target.kind](answer.region if answer else None, target, codec, acc_box),
        "tokens": math.nan if tokens is None else float(tokens),
        "cut at the token limit": math.nan if finish is None else float(finish == "length"),
        "strictly formatted": float(answer is not None and answer.strict),
        "parse failures": float(failure is not None),
        **{f"parse failures: {cause}": float(failure == cause) for cause in (*FAILURES, MISSING)},
    }


def conventions(codec: Codec, acc_box: AccBox, allow_missing: bool) -> dict[str, str]:
    """What the numbers mean where evaluation codes differ, printed and stored with every result."""
    box = {"annotated": "the annotated box", "mask": "the box of the ground-truth mask"}[acc_box]
    return {
        "gIoU": "mean over samples of IoU; both masks empty (an empty union): 1.0",
        "cIoU": "sum of intersections over sum of unions, in pixels",
        "Prec@t, Acc@0.5": "a hit is IoU >= t",
        "Acc@0.5 of a mask": f"box around the predicted mask against {box}; without a target an empty mask is the hit",
        "empty answer []": "an empty mask: IoU 0 where there is a target, 1.0 where there is none",
        "parse failure": "IoU 0 and no hit, target or not; an empty mask in cIoU; left out of the mean of vertices",
        "missing answer": "scored as a parse failure" if allow_missing else "an error",
        "draws": "averaged within a sample first (areas too), then over samples",
        "decoding of polygons": DECODINGS[codec.decode],
        "standard error": f"over samples; cIoU by {RESAMPLES} bootstrap resamples, seed {SEED}",
    }


def _by_sample(predictions: Iterable[Prediction]) -> dict[str, dict[int, Prediction]]:
    answers: dict[str, dict[int, Prediction]] = defaultdict(dict)
    repeated: dict[str, None] = {}
    for prediction in predictions:
        if prediction.draw in answers[prediction.sample_id]:
            repeated[prediction.sample_id] = None
        answers[prediction.sample_id][prediction.draw] = prediction
    if repeated:
        raise UserError(f"two predictions for the same draw of {_named(repeated)}; keep one of each")
    return answers


def _named(ids: Iterable[str], shown: int = 3) -> str:
    """`5 sample ids ('a', 'b', 'c', ...)`; repr, so that an odd id cannot drive a terminal."""
    ids = list(ids)
    first = ", ".join(repr(sample_id) for sample_id in ids[:shown])
    return f"{len(ids)} sample id{'s' if len(ids) > 1 else ''} ({first}{', ...' if len(ids) > shown else ''})"


def _mean_over_draws(rows: list[Columns]) -> Columns:
    means = {}
    for name in rows[0]:
        measured = [row[name] for row in rows if not math.isnan(row[name])]
        means[name] = sum(measured) / len(measured) if measured else math.nan
    return means


def _task_scores(task: str, rows: dict[str, Columns]) -> TaskScores:
    names = next(iter(rows.values()))
    columns = {name: np.array([row[name] for row in rows.values()]) for name in names}
    for name in names:
        if name.startswith("parse failures:") and not columns[name].any():
            del columns[name]
    return TaskScores(TASKS[task].answer_kind, tuple(rows), columns)
