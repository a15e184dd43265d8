"""`SftRows`: SFT examples by index, made when asked for.

Why: with procedural scenes a run can see a fresh one at every step; `prepare` writes the same rows to parquet.
How: `SftRows(Shapes(), TaskMix.from_config({"text2mask": 1}), Codec(precision=2), "train")[7]`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data import templates
from data.answer import answer_region, query_text
from data.sample import Sample
from data.scene import SPLITS
from data.sources import Source
from data.task import TaskMix
from polygon import Codec

_TASK_STREAM = 0x7A5C  # apart from the streams a source draws from (seed, split, index)


@dataclass(frozen=True)
class SftRows:
    """Random access to (image uint8 RGB (H, W, 3), question, answer, sample), deterministic in the source's seed.

    The question comes without the image placeholder; `answers` is `bare` or `varied` (`templates.answer`).
    """

    source: Source
    mix: TaskMix
    codec: Codec
    split: str
    answers: str = "bare"

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], str, str, Sample]:
        sample, question, answer = self.text(index)
        return sample.pixels(), question, answer, sample

    def text(self, index: int) -> tuple[Sample, str, str]:
        """(sample, question, answer), leaving the image as the source gave it."""
        entropy = [self.source.seed, SPLITS.index(self.split), index, _TASK_STREAM]
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
        task = self.mix.draw(rng.random())
        sample = self.source.sample(self.split, index, task.name)
        question = templates.question(task.name, query_text(sample, self.codec), rng)
        text = self.codec.format(answer_region(sample, self.codec))
        return sample, question, templates.answer(task.answer_kind, text, rng, self.answers)
