"""Where the numbers of one task gather while samples stream by: eight bytes a number, and ids."""

import sys
from array import array
from collections.abc import Mapping, Sequence

import numpy as np

from data.sample import Sample
from evaluation.conventions import Conventions
from evaluation.statistics.metrics import codes
from evaluation.statistics.slices import SLICES
from evaluation.statistics.task_scores import TaskScores
from polygon import Kind


class ScoreTable:
    """`add` a sample with a row of numbers for each of its draws, then ask for the `scores`."""

    def __init__(self, task: str, kind: Kind) -> None:
        self._task = task
        self._kind: Kind = kind
        self._sample_ids: list[str] = []
        self._image_ids: list[str] = []
        self._ann_ids: list[str] = []
        self._slices: dict[str, list[str]] = {name: [] for name in SLICES}
        self._columns: dict[str, array] = {}

    def add(self, sample: Sample, groups: Mapping[str, str], rows: Sequence[Mapping[str, float]]) -> None:
        """Rows have the same columns for every sample."""
        self._sample_ids.append(sample.sample_id)
        self._image_ids.append(sys.intern(sample.image_id))
        self._ann_ids.append(sys.intern(sample.ann_id))
        for name, group in groups.items():
            self._slices[name].append(group)
        for row in rows:
            for name, value in row.items():
                self._columns.setdefault(name, array("d")).append(value)

    def scores(self, draws: Sequence[int], conventions: Conventions) -> TaskScores:
        objects = zip(self._image_ids, self._ann_ids, strict=True)
        units = {"expressions": range(len(self._sample_ids)), "objects": objects, "images": self._image_ids}
        return TaskScores(
            task=self._task,
            kind=self._kind,
            empty_union=conventions.empty_union,
            sample_ids=tuple(self._sample_ids),
            image_ids=tuple(self._image_ids),
            ann_ids=tuple(self._ann_ids),
            draws=tuple(draws),
            units=codes(list(units[conventions.mean_over])),
            slices={name: tuple(groups) for name, groups in self._slices.items()},
            values={name: np.frombuffer(column).reshape(-1, len(draws)) for name, column in self._columns.items()},
        )
