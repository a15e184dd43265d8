"""Join predictions with the samples they answer and score them.

Samples stream by, so images are never held together; predictions wait in a file (inputs/prediction_store.py); a
ground-truth mask is decoded once for all draws of its sample. What memory keeps is a row of numbers for each answer.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, replace

from data.sample import Sample
from data.task import TASKS
from evaluation.conventions import Conventions
from evaluation.inputs.prediction_store import PredictionStore, named
from evaluation.measures.answers import answer_columns, read_answer
from evaluation.measures.boundary import BoundarySettings
from evaluation.measures.evaluators import EVALUATORS, Columns, Scoring
from evaluation.prediction import Prediction
from evaluation.statistics.bootstrap import RESAMPLES, SEED
from evaluation.statistics.score_table import ScoreTable
from evaluation.statistics.scores import Scores
from evaluation.statistics.slices import count_words, groups_of
from polygon import KINDS, Codec, Kind, Target, UserError, rle_decode

DECODINGS = {
    "matched": "matched: filled along pixel centres as they were traced, holes cut out",
    "reference": "reference: pycocotools, union of all rings, holes filled",
}


def evaluate(
    predictions: Iterable[Prediction],
    samples: Iterable[Sample],
    codec: Codec,
    *,
    conventions: Conventions | None = None,
    boundary: BoundarySettings | None = None,
    allow_missing: bool = False,
    kind: Kind | None = None,
    only_matching: bool = False,
) -> Scores:
    """Score every sample on every draw that occurs in the predictions.

    `boundary` adds the measures of outlines, which cost more than all others. `kind` scores the answers as ones of that
    kind whatever the task: boxes on a split that asks for masks. A sample without a prediction for one of the draws is
    an error, or, with `allow_missing`, scores as a parse failure. `only_matching` scores the samples that have answers
    and skips answers to others.
    Raises UserError for that, for two predictions of one (sample_id, draw) and for ids that no sample has.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"kind is {kind!r}; it can be {', '.join(KINDS)}, or null for what each task asks for")
    scoring = Scoring(codec=codec, conventions=conventions or Conventions(), boundary=boundary)
    store = PredictionStore(predictions)
    tables: dict[str, ScoreTable] = {}
    scored: set[str] = set()
    missing: list[str] = []
    for sample in samples:
        by_draw = store.answers(sample.sample_id)
        if only_matching and not by_draw:
            continue
        missing += [sample.sample_id for draw in store.draws if draw not in by_draw]
        scored.add(sample.sample_id)
        try:
            target = sample.target() if kind is None else replace(sample.target(), kind=kind)
            described = {"expression words": float(count_words(sample.expression)) or math.nan}
            rows = [described | _columns(by_draw.get(draw), target, scoring) for draw in store.draws]
            groups = groups_of(sample, target)
        except UserError as error:
            raise UserError(f"sample {sample.sample_id!r}: {error}") from error
        table = tables.setdefault(sample.task, ScoreTable(sample.task, kind or TASKS[sample.task].answer_kind))
        table.add(sample, groups, rows)

    if not scored:
        raise UserError("no answer is to a sample of the split; check dataset, split and limit")
    if not only_matching and (unknown := [sample_id for sample_id in store if sample_id not in scored]):
        raise UserError(
            f"predictions for {named(unknown)} that the split does not have; check dataset, split and limit"
        )
    if missing and not allow_missing:
        raise UserError(
            f"missing predictions: {len(missing)}, for {named(dict.fromkeys(missing))}; "
            "generate them, or score them 0 with allow_missing=true"
        )
    return Scores(
        tasks={task: table.scores(store.draws, scoring.conventions) for task, table in tables.items()},
        conventions=in_words(scoring, allow_missing),
        settings={
            "conventions": scoring.conventions.settings(),
            "boundary": asdict(boundary) if boundary else None,
            "codec": asdict(codec),
        },
        n_samples=len(scored),
        n_draws=len(store.draws),
        n_missing=len(missing),
    )


def in_words(scoring: Scoring, allow_missing: bool) -> dict[str, str]:
    """What the numbers mean where evaluation codes differ, printed and stored with every result."""
    return {
        **scoring.conventions.in_words(),
        "gIoU, mIoU": "mean of IoU; mIoU is over samples that have a target",
        "cIoU": "sum of intersections over sum of unions, in pixels",
        **(scoring.boundary.in_words() if scoring.boundary else {}),
        "missing answer": "scored as a parse failure" if allow_missing else "an error",
        "draws": "averaged within a sample first (areas too)",
        "decoding of polygons": DECODINGS[scoring.codec.decode],
        "intervals": f"95 %, {RESAMPLES} bootstrap resamples of images, seed {SEED}; ± is the standard error",
    }


def _columns(prediction: Prediction | None, target: Target, scoring: Scoring) -> Columns:
    """Every number about one answer; None is an answer that was never given."""
    answer = read_answer(prediction, target.kind, scoring.conventions, scoring.codec)
    if prediction is not None and prediction.rle is not None:
        if prediction.rle["size"] != [target.height, target.width]:
            raise UserError(
                f"a mask of size {prediction.rle['size']}, its image is {target.height} x {target.width} px"
            )
        answered = rle_decode(prediction.rle)
    else:
        answered = answer.region if answer else None
    return EVALUATORS[target.kind](answered, target, scoring) | answer_columns(prediction, answer, target.kind)
