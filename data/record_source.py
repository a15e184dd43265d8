"""`RecordSource`: what every source of annotated files has in common: records -> samples, by random access.

Why: a file format states records (`record.py`); choosing one of their expressions, checking image and annotation
against each other and making the question of a task is the same for all, and so are the reasons to refuse one.
How: a subclass has `name`, `seed`, `splits` and `records(split)`.  `sample` returns a sample that is sound or raises
BadRow; nothing else comes of bad data.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar, Self, get_type_hints

import numpy as np
from numpy.typing import NDArray

from data.checked import Checked, check
from data.interior import interior_point
from data.record import Record
from data.record_order import shuffled
from data.sample import Sample, sample_id
from data.task import TASKS
from polygon import Box, UserError, rle_decode


@dataclass(kw_only=True)
class RecordSource(ABC):
    """Samples of annotated files; what a subclass adds are keys of `dataset.source` in YAML.

    A text is one expression of one record.  Index 0 to size - 1 are all texts of a split, each once, in an order that
    `seed` decides; from there on they come again, in another order each pass.
    `decode_images`: every image is decoded once, which finds damage behind an intact header; False looks at headers.
    """

    name: str
    seed: int = 0
    decode_images: bool = True

    layout: ClassVar[str]
    """What to set and what has to lie there, for messages."""

    @classmethod
    def from_config(cls, options: Mapping[str, Any]) -> Self:
        """From the keys of `dataset.source`.  Raises UserError for one that is unknown, not set or of another kind."""
        kinds = get_type_hints(cls)
        known = [item.name for item in fields(cls)]
        for key, value in options.items():
            if key not in known:
                raise UserError(f"dataset.source.{key}: unknown key; known: {', '.join(known)}")
            if value != "???" and (not isinstance(value, kinds[key]) or (kinds[key] is int and value is True)):
                raise UserError(f"dataset.source.{key}: {value!r} is of the wrong kind, not {kinds[key]}")
        for item in fields(cls):
            if options.get(item.name, "???" if item.default is item.default_factory else "") == "???":
                raise UserError(f"dataset.source.{item.name} is not set: {cls.layout}")
        return cls(**options)

    @property
    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Names of the splits there are."""

    @abstractmethod
    def records(self, split: str) -> Sequence[Record]:
        """All records of a split, in the order of their files.  Read when first asked for, then kept."""

    def passed_over(self, split: str) -> Mapping[str, tuple[int, str]]:
        """Reason -> (objects of the files that are no records for it, one of them)."""
        return {}

    def way_out(self, reason: str) -> str:
        """How objects that are left out for a reason could be used; "" where they cannot."""
        return ""

    def notes(self) -> list[str]:
        """What was done to the files as a whole, for whoever prepares the dataset."""
        return []

    def expression_counts(self, split: str) -> Sequence[int]:
        """Expressions of every record."""
        return [len(record.expressions) for record in self.records(split)]

    def size(self, split: str) -> int:
        """Number of texts; a record without an expression counts as one, so that it is met and refused."""
        ends_R = self._text_ends(split)
        return int(ends_R[-1]) if len(ends_R) else 0

    def place(self, split: str, index: int) -> tuple[int, int]:
        """(the record, the expression of it) that come at an index, by number."""
        ends_R = self._text_ends(split)
        text = shuffled(index, int(ends_R[-1]), (self.seed, split))
        number = int(np.searchsorted(ends_R, text, side="right"))
        return number, text - (int(ends_R[number - 1]) if number else 0)

    def checked(self, split: str, number: int, task: str) -> Checked:
        """A record by its number, looked at.  Raises BadRow for one that cannot be used for `task`."""
        return check(self.records(split)[number], task, decode=self.decode_images)

    def sample(self, split: str, index: int, task: str) -> Sample:
        """The sample of an index.

        Where several objects or none are meant, the sample's task is text2mask whatever `task` is.  Raises BadRow for
        what cannot be used.
        """
        number, choice = self.place(split, index)
        found = self.checked(split, number, task)
        task = found.task(task)
        expression, prompt_region = None, None
        match TASKS[task].prompt_kind:
            case "text":
                expression = found.expressions[choice]
            case "box":
                assert found.box is not None  # there is a target
                prompt_region = Box(*found.box)
            case "point":
                assert found.rle is not None  # as no_mask has made sure
                rng = np.random.Generator(np.random.PCG64([self.seed, index, *split.encode()]))
                prompt_region = interior_point(rle_decode(found.rle), rng)
        return Sample(
            sample_id=sample_id(self.name, split, task, found.image_id, found.ann_id, expression or prompt_region),
            source=found.source,
            split=split,
            task=task,
            image=found.image,
            height=found.height,
            width=found.width,
            expression=expression,
            prompt_region=prompt_region,
            rle=found.rle,
            box=found.box,
            image_id=found.image_id,
            ann_id=found.ann_id,
            mask_text=found.mask_text,
            source_image_id=found.source_image_id,
            category_id=found.category_id,
            category=found.category,
            ignored=found.ignored,
            twice=found.twice,
        )

    def _text_ends(self, split: str) -> NDArray[np.int64]:
        """For every record, the number of texts up to and with it."""
        if split not in self._ends:
            counts = (max(1, count) for count in self.expression_counts(split))
            self._ends[split] = np.fromiter(accumulate(counts), np.int64)
        return self._ends[split]

    @cached_property
    def _ends(self) -> dict[str, NDArray[np.int64]]:
        return {}
