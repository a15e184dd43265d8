"""Answers as JSONL, one row an answer, in our notation or another VLM's.

    {"sample_id": "refcoco/val/17", "text": "The dog is at [104, 40, 310, 222].", "width": 644, "height": 448}

Rows are those of `evaluation.prediction`. In a notation of pixels a row may also say the `width` and `height` of the
image as the model saw it, which then need not be computed; without them it is the sample's own size.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.notation import Notation
from evaluation.inputs.sample_facts import SampleFacts
from evaluation.inputs.unit_check import UnitCheck
from evaluation.prediction import Prediction, parse_object, prediction_of
from polygon import UserError, pixels_covered, rle_encode

Size: TypeAlias = tuple[int, int]
"""(height, width) in px."""


def read_jsonl(
    path: Path,
    notation: Notation,
    facts_of: Callable[[str], SampleFacts | None],
    bad: BadRows,
    unread: BadRows,
    units: UnitCheck,
) -> Iterator[Prediction]:
    """The rows of a file in our notation, in file order; blank lines are no rows.

    facts_of: the facts of a sample, None for an id that the split does not have. Asked only for others' answers.
    bad: gets the rows that are left out. unread: gets the answers that hold something which cannot be read; they stay,
        and fail where nothing else is in them.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"line {number}"
            try:
                row = parse_object(line, where)
                seen = _stated_size(row, where) if notation.needs_size else None
                prediction = prediction_of(row, where)
            except UserError as error:
                bad.add("bad_row", str(error))
                continue
            if prediction.rle is not None:
                if _is_mask(prediction.rle, facts_of(prediction.sample_id)):
                    yield prediction
                else:
                    bad.add("bad_mask", f"{where}: run lengths that do not fill the image of {prediction.sample_id!r}")
                continue
            if notation.frame is None:
                units.add_ours(prediction.text, where)
                yield prediction
                continue
            facts = facts_of(prediction.sample_id)
            if facts is None and seen is None and notation.needs_size:
                bad.add("unknown_sample", f"{where}: the split has no sample {prediction.sample_id!r}")
                continue
            answer = notation.rewrite(prediction.text, *((facts.height, facts.width) if facts else (1, 1)), seen)
            units.add(answer, where)
            for reason, detail in answer.unread.items():
                unread.add(reason, f"{where}: {detail}")
            if answer.mask_HW is not None and facts is not None and facts.kind == "mask":
                yield replace(prediction, text="", rle=rle_encode(answer.mask_HW))
            else:
                yield replace(prediction, text=answer.text, is_rewritten=True)


def _stated_size(row: dict, where: str) -> Size | None:
    """The size as the row has it, taken out of it. Raises UserError for what is none."""
    size = row.pop("height", None), row.pop("width", None)
    if size == (None, None):
        return None
    if not all(type(side) is int and side > 0 for side in size):
        raise UserError(f"{where}: height and width must both be whole numbers from 1, found {size}")
    return size


def _is_mask(rle: dict, facts: SampleFacts | None) -> bool:
    """Whether run lengths fill an image of that size; of a sample that is not there, whether they fill their own."""
    try:
        height, width = (facts.height, facts.width) if facts else rle["size"]
        return rle["size"] == [height, width] and pixels_covered(rle["counts"]) == height * width
    except (TypeError, ValueError):
        return False
