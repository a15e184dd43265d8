"""`SftRows`: SFT examples by index, made when asked for.

Why: with procedural scenes a run can see a fresh one at every step; `prepare` writes the same rows to parquet.
How: `SftRows(Shapes(), TaskMix.from_config({"text2mask": 1}), Codec(precision=2), "train")[7]`.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from data import templates
from data.answer import answer_region, query_text
from data.sample import Sample
from data.scene import SPLITS
from data.sources import Source
from data.task import TASKS, TaskMix
from polygon import Codec

_TASK_STREAM = 0x7A5C  # apart from the streams a source draws from (seed, split, index)


@dataclass(frozen=True)
class SftRows:
    """Random access to (image uint8 RGB (H, W, 3), question, answer, sample), deterministic in the source's seed.

    The question comes without the image placeholder; `answers` is `bare` or `varied` (`templates.answer`).
    Of a procedural source, `questions` rows in succession ask about one scene.
    A source that knows the text of a mask (`Sample.mask_text`) has it by this codec.
    """

    source: Source
    mix: TaskMix
    codec: Codec
    split: str
    answers: str = "bare"
    questions: int = 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], str, str, Sample]:
        sample, question, answer = self.text(index)
        return sample.pixels(), question, answer, sample

    def text(self, index: int) -> tuple[Sample, str, str]:
        """(sample, question, answer), leaving the image as the source gave it.

        The task is drawn from the mix, but the sample has the last word (`Source.sample`).
        """
        split = SPLITS.index(self.split) if self.split in SPLITS else crc32(self.split.encode())
        entropy = [self.source.seed, split, index, _TASK_STREAM]
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
        task_drawn, (scene, number) = self.mix.draw(rng.random()).name, divmod(index, self.questions)
        further = {"question": number} if number else {}  # files have no scenes to ask about again
        sample = self.source.sample(self.split, scene, task_drawn, **further)
        task = TASKS[sample.task]
        question = templates.question(task.name, query_text(sample, self.codec), rng)
        return sample, question, templates.answer(task.answer_kind, self._answer(sample), rng, self.answers)

    def _answer(self, sample: Sample) -> str:
        if sample.mask_text is not None and TASKS[sample.task].answer_kind == "mask":
            return sample.mask_text
        return self.codec.format(answer_region(sample, self.codec))
