"""The one door through which answers come in, ours or anyone's, by the name of their format.

    inputs = read_inputs("results.json", "coco", read_samples("outputs/data", "refcoco", "val"))
    scores = evaluate(inputs, ...)
    print(inputs.in_words())

Formats: `coco` (coco_answers.py), and JSONL in our notation or another VLM's (notation.py, jsonl.py).
Files are untrusted: a row that cannot be used is left out, counted and named, never an exception; its sample has then
no answer, which `evaluate` treats as its settings say.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from data.rows import PreparedRows
from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_answers import CATEGORIES, KEEP, coco_predictions, read_image_files
from evaluation.inputs.frame import Resize
from evaluation.inputs.jsonl import read_jsonl
from evaluation.inputs.notation import NOTATIONS, Notation
from evaluation.inputs.sample_facts import SampleFacts, read_facts
from evaluation.inputs.unit_check import UnitCheck
from evaluation.prediction import Prediction
from polygon import Codec, Kind, UserError
from polygon.codec import MOST_DECIMALS

FORMATS: tuple[str, ...] = (*NOTATIONS, "coco")


@dataclass
class Inputs:
    """The predictions of a file, read anew in every pass.

    Of the last pass: `bad` is what it left out, `unread` what answers hold and could not be read, `units` whether their
    numbers count what the format says.
    """

    path: Path
    format: str
    rows: PreparedRows
    limit: int | None
    kind: Kind | None
    coco: Mapping[str, Any]
    resize: Resize | None = None
    check_units: bool = True
    bad: BadRows = field(default_factory=BadRows)
    unread: BadRows = field(default_factory=BadRows)
    units: UnitCheck = field(default_factory=UnitCheck)
    whole_numbers: bool = False

    def __iter__(self) -> Iterator[Prediction]:
        """Raises UserError for a file of which no row can be used, or whose numbers are not in the format's unit."""
        self.bad, self.unread, self.units = BadRows(), BadRows(), UnitCheck()
        count = 0
        for count, prediction in enumerate(self._read(), start=1):  # noqa: B007 - the last number is the count
            yield prediction
        if not count:
            raise self.bad.refuse(f"{self.path} has no row of format={self.format}", f"formats: {', '.join(FORMATS)}")
        if self.check_units and (notation := self._notation) is not None and notation.frame is not None:
            self.units.refuse(self.path, self.format, notation.frame)

    def reading(self, codec: Codec) -> Codec:
        """`codec` as these predictions are read by it: what another wrote has been rewritten and keeps its decimals."""
        self.whole_numbers = self.format == "ours" and codec.integers
        return codec if self.format == "ours" else replace(codec, integers=False, precision=MOST_DECIMALS)

    def in_words(self) -> dict[str, str]:
        """For the header of a table: the format, its unit, what was left out of the file and what could not be read."""
        words = {"format": self.format}
        if (notation := self._notation) is not None and notation.frame is not None:
            words["coordinates"] = notation.frame.in_words()
        if self.bad.counts:
            words["unusable"] = self.bad.in_words()
        if self.unread.counts:
            words["unread"] = self.unread.in_words("answer", "with what cannot be read")
        if not self.whole_numbers and (beyond := self.units.in_words()):
            words["beyond"] = (
                f"{beyond}; ours are fractions: is it another format?" if self.format == "ours" else beyond
            )
        return words

    @property
    def _notation(self) -> Notation | None:
        """None for COCO results, which are no text."""
        return None if self.format == "coco" else NOTATIONS[self.format].resized_by(self.resize)

    def _read(self) -> Iterator[Prediction]:
        if (notation := self._notation) is None:
            facts = read_facts(self.rows.files, self.limit, self.kind)
            return coco_predictions(self.path, facts, self.bad, **self.coco)
        return read_jsonl(self.path, notation, self._facts_of, self.bad, self.unread, self.units)

    @cached_property
    def _facts(self) -> dict[str, SampleFacts]:
        return read_facts(self.rows.files, kind=self.kind)

    def _facts_of(self, sample_id: str) -> SampleFacts | None:
        return self._facts.get(sample_id)


def read_inputs(
    path: str | Path,
    format: str,
    rows: PreparedRows,
    *,
    limit: int | None = None,
    kind: Kind | None = None,
    coco: Mapping[str, Any] | None = None,
    resize: Mapping[str, Any] | None = None,
    check_units: bool = True,
) -> Inputs:
    """The predictions of a file, to be iterated over.

    Args:
        format: a name of FORMATS.
        rows: the split that is answered; only sizes and ids are read, and only where the format needs them.
        limit: the first samples of the split, which COCO results are looked up for; None: all.
        kind: what COCO results are read as, whatever the tasks ask for: boxes for a split of masks.
        resize: `factor`, `min_pixels`, `max_pixels` of the processor, for formats in pixels (frame.py).
        check_units: refuse a file whose numbers seem to count something else than the format says.
        coco: `keep`, `min_score`, `categories` (`coco_answers.coco_predictions`); `images` is the COCO file that names
            the images.
    Raises UserError for an unknown format, a file that is not there and settings out of their range.
    """
    path = Path(path)
    if format not in FORMATS:
        raise UserError(f"format={format!r} is unknown; known: {', '.join(FORMATS)}")
    if not path.is_file():
        raise UserError(f"no predictions file {path}; write one with `python -m rollout.generate`")
    coco_settings = _coco_settings(coco or {}) if format == "coco" else {}
    return Inputs(path, format, rows, limit, kind, coco_settings, Resize.from_config(resize or {}), check_units)


def _coco_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    known = {"keep", "min_score", "images", "categories"}
    if unknown := sorted(settings.keys() - known):
        raise UserError(f"coco has no setting {unknown[0]!r}: it has {', '.join(sorted(known))}")
    keep, min_score, images = settings.get("keep", "best"), settings.get("min_score", 0.0), settings.get("images")
    if keep not in KEEP:
        raise UserError(f"coco.keep is {keep!r}; it can be {' or '.join(KEEP)}")
    if isinstance(min_score, bool) or not isinstance(min_score, int | float):
        raise UserError(f"coco.min_score is {min_score!r}; it is a number")
    if (categories := settings.get("categories", "match")) not in CATEGORIES:
        raise UserError(f"coco.categories is {categories!r}; it can be {' or '.join(CATEGORIES)}")
    files = read_image_files(images) if images else None
    return {"keep": keep, "min_score": min_score, "image_files": files, "categories": categories}
