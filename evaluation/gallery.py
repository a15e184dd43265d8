"""Examples for the report: random held-out samples with the ground truth, the answer before and the answer after.

Samples are drawn by seed from those that both models answered, not picked, so the gallery shows failures at their rate.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from data.sample import Sample
from evaluation.evaluate import answer_columns
from evaluation.prediction import Prediction
from polygon import Box, Codec, Kind, Region, Target, parse

SCORE: dict[Kind, tuple[str, str]] = {"mask": ("gIoU", "IoU"), "box": ("mIoU", "IoU"), "point": ("hit rate", "hit")}
"""By kind of answer: the column that one answer is judged by, and what it is called for a single sample."""


@dataclass(frozen=True)
class Answered:
    """One model's answer: what was read (None: nothing), what it scored, and the untrusted text itself."""

    label: str
    region: Region | None
    score: str
    text: str


@dataclass(frozen=True)
class Example:
    """One sample: encoded image with its size in pixels, the ground truth as outlines or a box, and the answers."""

    sample_id: str
    question: str
    image: bytes
    height: int
    width: int
    truth: Region
    answers: tuple[Answered, ...]


def gallery(
    samples: Iterable[Sample],
    answers: dict[str, Iterable[Prediction]],
    codec: Codec,
    *,
    count: int = 12,
    seed: int = 0,
) -> list[Example]:
    """`count` random examples, in the order of `samples`.

    `answers` maps a label ("before", "after") to its predictions; of several draws for a sample the first is shown.
    """
    first_draws = {label: _first_draws(predictions) for label, predictions in answers.items()}
    shared = sorted(set.intersection(*(set(by_id) for by_id in first_draws.values())))
    chosen = set(random.Random(seed).sample(shared, min(count, len(shared))))
    return [
        _example(sample, {label: by_id[sample.sample_id] for label, by_id in first_draws.items()}, codec)
        for sample in samples
        if sample.sample_id in chosen
    ]


def _first_draws(predictions: Iterable[Prediction]) -> dict[str, Prediction]:
    return {p.sample_id: p for p in sorted(predictions, key=lambda p: p.draw, reverse=True)}


def _example(sample: Sample, predictions: dict[str, Prediction], codec: Codec) -> Example:
    target = sample.target()
    return Example(
        sample_id=sample.sample_id,
        question=f"{sample.task}: {sample.expression}" if sample.expression else sample.task,
        image=sample.image_bytes(),
        height=sample.height,
        width=sample.width,
        truth=_truth(target),
        answers=tuple(_answered(label, prediction, target, codec) for label, prediction in predictions.items()),
    )


def _truth(target: Target) -> Region:
    if target.kind == "box" and target.box is not None:
        return Box(*target.box)
    return Codec(epsilon=0.0, precision=5, min_area=1).encode(target.mask)


def _answered(label: str, prediction: Prediction, target: Target, codec: Codec) -> Answered:
    answer = parse(prediction.text, target.kind)
    column, name = SCORE[target.kind]
    score = f"{name} {answer_columns(prediction, target, codec, 'annotated')[column]:.2f}"
    return Answered(label, answer.region, f"{score}, {answer.failure}" if answer.failure else score, prediction.text)
