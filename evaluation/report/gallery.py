"""The pictures of a report: which samples are shown, and each with its photo, its ground truth and the answers.

Shown are the extremes of every group and, of all the rest, samples evenly spaced from the worst to the best, so that
sorting the gallery runs through the whole range and no filter finds it empty. They are not a sample to judge a rate by:
the page's charts and tables are for that, and count everything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data.rows import PreparedSample
from data.sample import IMAGE_TAG, Sample
from evaluation.conventions import Conventions
from evaluation.measures.answers import MISSING, read_answer
from evaluation.prediction import Prediction
from evaluation.report.photo import photo_uri
from evaluation.report.row import ReportRow
from polygon import Box, Codec, Kind, Region, Target, rle_decode

COUNT = 120
EXTREMES = 3
CHOSEN = (
    f"Chosen are the {EXTREMES} lowest of each group (of two runs, the {EXTREMES} largest losses and gains), "
    "and samples evenly spaced over the rest, from lowest to highest."
)
OUTLINE = Codec(epsilon=0.001, precision=4, min_area=1)
"""How a mask is drawn: its outline with IoU 0.998 at 66 vertices on COCO, whatever codec the model writes with."""


@dataclass(frozen=True)
class Answered:
    """One run's answer: what was read (None: nothing), why nothing was, and the untrusted text itself.

    `union`: its rings are filled one by one, whatever their direction, as the reference release does.
    """

    region: Region | None
    failure: str | None
    text: str
    union: bool = False


@dataclass(frozen=True)
class Example:
    """One sample: its row in the report, the question, the photo as data URI, size in pixels, ground truth, answers."""

    row: int
    question: str
    photo: str
    height: int
    width: int
    truth: Region | None
    answers: tuple[Answered, ...]


def gallery(
    rows: Sequence[ReportRow],
    samples: Iterable[Sample],
    predictions: Mapping[str, Iterable[Prediction]],
    *,
    codec: Codec,
    conventions: Conventions | None = None,
    count: int = COUNT,
) -> list[Example]:
    """At most `count` examples of `rows`; `predictions` are those of the same runs in the same order, by label.

    `codec` and `conventions` are those of the scores: how numbers are read, and which of several answers in a text.
    """
    rules = conventions or Conventions()
    chosen = {rows[index].sample_id: index for index in choose(rows, count)}
    answers = [_shown_draws(rows, chosen, n, run) for n, run in enumerate(predictions.values())]
    return [
        _example(index, rows[index].kind, sample, [run.get(sample.sample_id) for run in answers], codec, rules)
        for sample in samples
        if (index := chosen.get(sample.sample_id)) is not None
    ]


def choose(rows: Sequence[ReportRow], count: int) -> list[int]:
    """Indices of at most `count` rows, in the order of `rows`."""
    order = sorted(range(len(rows)), key=lambda index: _worth(rows[index]))
    if len(order) <= count:
        return sorted(order)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in order:
        for group in (*rows[index].groups.items(), *(("outcome", run.outcome) for run in rows[index].runs)):
            groups[group].append(index)
    both_ends = len(rows[0].runs) > 1
    extremes = dict.fromkeys(
        index
        for rank in range(EXTREMES)
        for group in groups.values()
        if rank < len(group)
        for index in ([group[rank], group[-1 - rank]] if both_ends else [group[rank]])
    )
    shown = set(list(extremes)[: count // 2])
    rest = [index for index in order if index not in shown]
    steps = np.linspace(0, len(rest) - 1, count - len(shown)).round().astype(int)
    return sorted(shown.union(rest[step] for step in steps))


def _worth(row: ReportRow) -> float:
    return row.runs[-1].score - (row.runs[0].score if len(row.runs) > 1 else 0.0)


def _shown_draws(
    rows: Sequence[ReportRow], chosen: Mapping[str, int], run: int, predictions: Iterable[Prediction]
) -> dict[str, Prediction]:
    """Of one run, the predictions whose scores `rows` holds, by sample id."""
    return {
        prediction.sample_id: prediction
        for prediction in predictions
        if (index := chosen.get(prediction.sample_id)) is not None and prediction.draw == rows[index].runs[run].draw
    }


def _example(
    row: int, kind: Kind, sample: Sample, predictions: Sequence[Prediction | None], codec: Codec, rules: Conventions
) -> Example:
    return Example(
        row=row,
        question=_question(sample),
        photo=photo_uri(sample),
        height=sample.height,
        width=sample.width,
        truth=truth(sample.target(), kind),
        answers=tuple(answered(prediction, kind, codec, rules) for prediction in predictions),
    )


def _question(sample: Sample) -> str:
    """The expression; where a point or a box asks, the whole prompt, which states it."""
    if sample.expression:
        return sample.expression
    return sample.prompt.removeprefix(IMAGE_TAG) if isinstance(sample, PreparedSample) else sample.task


def truth(target: Target, kind: Kind) -> Region | None:
    """What is drawn as ground truth: the annotated box of a box question (None without a target), else the mask."""
    if kind == "box":
        return Box(*target.box) if target.box is not None else None
    return OUTLINE.encode(target.mask)


def answered(prediction: Prediction | None, kind: Kind, codec: Codec, rules: Conventions) -> Answered:
    """What can be drawn of an answer."""
    if prediction is None:
        return Answered(None, MISSING, "")
    answer = read_answer(prediction, kind, rules, codec)
    if answer is not None:
        return Answered(answer.region, answer.failure, prediction.text, union=codec.decode == "reference")
    return Answered(OUTLINE.encode(rle_decode(prediction.rle or {})), None, "(a mask, as run lengths)")
