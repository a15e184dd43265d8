"""All predictions of a run by sample, kept in a temporary file, so that memory holds no text.

A runaway answer has tens of kilobytes and a test split tens of thousands of answers, in any order. Of each, memory
keeps its sample id, its draw and where it lies.
"""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from evaluation.prediction import Prediction
from polygon import UserError

IN_MEMORY = 2**20
"""Bytes that are not worth a file."""


class PredictionStore:
    """`store.answers(sample_id)` gives its predictions by draw; `draws` are all that occur, in order."""

    def __init__(self, predictions: Iterable[Prediction]) -> None:
        """Raises UserError where there are none, or two for the same draw of a sample."""
        self._file = cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - it lives as long as this
        self._places: dict[str, list[int]] = {}
        draws: set[int] = set()
        repeated: dict[str, None] = {}
        for prediction in predictions:
            places = self._places.setdefault(prediction.sample_id, [])
            if any(prediction.draw == draw for draw in places[::2]):
                repeated[prediction.sample_id] = None
            places += (prediction.draw, self._file.tell())
            draws.add(prediction.draw)
            pickle.dump(prediction, self._file, pickle.HIGHEST_PROTOCOL)
        if repeated:
            raise UserError(f"two predictions for the same draw of {named(repeated)}; keep one of each")
        if not draws:
            raise UserError("there are no predictions to score")
        self.draws = tuple(sorted(draws))

    def __iter__(self) -> Iterator[str]:
        """The sample ids that have a prediction."""
        return iter(self._places)

    def answers(self, sample_id: str) -> dict[int, Prediction]:
        """The predictions for a sample by draw, none for an id that has none."""
        places = self._places.get(sample_id, [])
        return {draw: self._read(place) for draw, place in zip(places[::2], places[1::2], strict=True)}

    def _read(self, place: int) -> Prediction:
        self._file.seek(place)
        return pickle.load(self._file)


def named(ids: Iterable[str], shown: int = 3) -> str:
    """`5 sample ids ('a', 'b', 'c', ...)`; repr, so that an odd id cannot drive a terminal."""
    ids = list(ids)
    first = ", ".join(repr(sample_id) for sample_id in ids[:shown])
    return f"{len(ids)} sample id{'s' if len(ids) > 1 else ''} ({first}{', ...' if len(ids) > shown else ''})"
