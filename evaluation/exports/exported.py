"""Answers on their way out: each sample with what was read in its answer, whatever format that came in."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.sample import Sample
from data.task import TASKS
from evaluation.inputs.prediction_store import PredictionStore
from evaluation.prediction import Prediction
from polygon import Codec, Region, UserError, rle_decode
from polygon.parser import Answers


@dataclass(frozen=True)
class Exported:
    """One answer; of a mask that came as run lengths `region` is its outline, and `mask_HW` the mask itself."""

    sample: Sample
    region: Region
    mask_HW: NDArray[np.bool_] | None
    score: float | None


def exported(
    predictions: Iterable[Prediction],
    samples: Iterable[Sample],
    codec: Codec,
    *,
    draw: int,
    answers: Answers,
    left_out: Counter[str],
) -> Iterator[Exported]:
    """Each sample's answer number `draw`, in the order of the samples; what has none is counted in `left_out`.

    Raises UserError for a mask that is none of its image, and where no answer at all is left.
    """
    store, count = PredictionStore(predictions), 0
    for sample in samples:
        prediction = store.answers(sample.sample_id).get(draw)
        if prediction is None:
            left_out["without an answer"] += 1
            continue
        if prediction.rle is not None:
            mask_HW = _mask(prediction.rle, sample)
            region: Region | None = codec.encode(mask_HW)
        else:
            mask_HW, region = None, codec.parse(prediction.text, TASKS[sample.task].answer_kind, answers).region
        if region is None:
            left_out["unreadable"] += 1
            continue
        count += 1
        yield Exported(sample, region, mask_HW, prediction.score)
    if not count:
        raise UserError(f"no answer to export: {in_words(left_out)}; check predictions, dataset, split and draw")


def in_words(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {why}" for why, count in left_out.items()) or "nothing left out"


def _mask(rle: dict, sample: Sample) -> NDArray[np.bool_]:
    if rle["size"] != [sample.height, sample.width]:
        size = f"{sample.height} x {sample.width} px"
        raise UserError(f"sample {sample.sample_id!r}: a mask of size {rle['size']}, its image is {size}")
    return rle_decode(rle)
