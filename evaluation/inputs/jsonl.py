"""Answers as JSONL, one row an answer, in our notation or another VLM's.

    {"sample_id": "refcoco/val/17", "text": "The dog is at [104, 40, 310, 222].", "width": 644, "height": 448}

Rows are those of `evaluation.prediction`. In a notation of pixels a row may also say the `width` and `height` of the
image as the model saw it (Qwen2.5-VL answers in pixels of the resized image); without them it is the sample's own size.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.notation import Notation
from evaluation.prediction import Prediction, parse_object, prediction_of
from polygon import UserError, pixels_covered

Size: TypeAlias = tuple[int, int]
"""(height, width) in px."""


def read_jsonl(
    path: Path, notation: Notation, size_of: Callable[[str], Size | None], bad: BadRows
) -> Iterator[Prediction]:
    """The rows of a file in our notation, in file order; blank lines are no rows.

    size_of: the size of a sample's image, None for an id that the split does not have. Asked only where it matters.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"line {number}"
            try:
                row = parse_object(line, where)
                size = _stated_size(row, where) if notation.needs_size else None
                prediction = prediction_of(row, where)
            except UserError as error:
                bad.add("bad_row", str(error))
                continue
            if prediction.rle is not None:
                if _is_mask(prediction.rle, size_of(prediction.sample_id)):
                    yield prediction
                else:
                    bad.add("bad_mask", f"{where}: run lengths that do not fill the image of {prediction.sample_id!r}")
                continue
            if notation.needs_size and (size := size or size_of(prediction.sample_id)) is None:
                bad.add("unknown_sample", f"{where}: the split has no sample {prediction.sample_id!r}")
                continue
            yield replace(prediction, text=notation.to_ours(prediction.text, *(size or (1, 1))))


def _stated_size(row: dict, where: str) -> Size | None:
    """The size as the row has it, taken out of it. Raises UserError for what is none."""
    size = row.pop("height", None), row.pop("width", None)
    if size == (None, None):
        return None
    if not all(type(side) is int and side > 0 for side in size):
        raise UserError(f"{where}: height and width must both be whole numbers from 1, found {size}")
    return size


def _is_mask(rle: dict, size: Size | None) -> bool:
    """Whether run lengths fill an image of that size; of a sample that is not there, whether they fill their own."""
    try:
        height, width = size or rle["size"]
        return rle["size"] == [height, width] and pixels_covered(rle["counts"]) == height * width
    except (TypeError, ValueError):
        return False
