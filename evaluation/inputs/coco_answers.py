"""COCO results as answers: which row is about which sample, and what it says of it.

A row answers the sample that its `sample_id` names, or else every sample of its image and category (photographs.py says
which image an id means). Where the dataset has no categories they do not count, nor with `categories="ignore"`.
A sample that no row answers has been answered with "nothing is there", since detectors write nothing then.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from data.record_target import disagreement
from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_results import Detection, read_detections
from evaluation.inputs.photographs import Photographs
from evaluation.inputs.sample_facts import SampleFacts
from evaluation.prediction import Prediction
from polygon import Box, UserError, format_region, mask_box, rle_encode, segmentation_mask

Keep = Literal["best", "all"]
Categories = Literal["match", "ignore"]
KEEP: tuple[Keep, ...] = ("best", "all")
CATEGORIES: tuple[Categories, ...] = ("match", "ignore")
_FEW = 4  # rows of which nothing can be said as a whole
_PRECISION = 6  # decimals of a box: a thousandth of a pixel


def coco_predictions(
    path: Path,
    facts: Mapping[str, SampleFacts],
    bad: BadRows,
    *,
    keep: Keep = "best",
    min_score: float = 0.0,
    image_files: Mapping[Any, str] | None = None,
    categories: Categories = "match",
) -> Iterator[Prediction]:
    """One prediction for each sample of `facts`, in its order.

    keep: the "best" row by its score answers a sample, or "all" rows joined into one mask.
    min_score: rows below it are as if they were not there.
    image_files: file name of each image id, where the rows of the dataset do not have the ids of the results.
    categories: whether a row answers samples of its own category only.
    Raises UserError where no row is about any of the samples.
    """
    by_sample, by_object, by_image = defaultdict(list), defaultdict(list), defaultdict(list)
    photographs = Photographs(facts.values(), image_files)
    known = {str(each.category_id) for each in facts.values() if each.category_id is not None}
    known = known if categories == "match" else set()
    for row in read_detections(path, bad):
        photograph = photographs.find(row.image_id)
        if row.sample_id in facts:
            by_sample[row.sample_id].append(row)
        elif row.sample_id is not None:
            bad.add("unknown_sample", f"row {row.number}: the split has no sample {row.sample_id!r}")
        elif photograph is None:
            bad.add("unknown_image", f"row {row.number}: the split has no image {row.image_id!r}, or several")
        elif known and str(row.category_id) not in known:
            bad.add("unknown_category", f"row {row.number}: the split has no category {row.category_id!r}")
        else:
            by_image[photograph, str(row.category_id) if known else None].append(row)
        if row.sample_id in facts and row.ann_id is not None:
            by_object[photograph, row.ann_id].append(row)
    if not by_sample and not by_image:
        if bad.counts["unknown_category"]:
            raise bad.refuse(
                f"{path}: no row has a category of the split, which has {', '.join(sorted(known)[:4])}",
                "coco.categories=ignore lets rows of any category answer",
            )
        ids = ", ".join(repr(each) for each in sorted({each.image_id for each in facts.values()})[:2])
        raise bad.refuse(
            f"{path}: no row is about an image of the split, which has {ids}, ...",
            "give rows a sample_id, or set coco.images to the COCO file with the images' file names",
        )
    compared = BoxCheck()
    for sample_id, sample in facts.items():
        category = str(sample.category_id) if known and sample.category_id is not None else None
        rows = by_sample.get(sample_id) or by_object.get((sample.image_id, sample.ann_id))
        rows = rows or by_image.get((sample.image_id, category), [])
        ranked = sorted((row for row in rows if row.score >= min_score), key=lambda row: -row.score)
        yield _answer(sample_id, sample, ranked, bad, keep, compared)
    compared.refuse(path)


class BoxCheck:
    """Rows whose `bbox` is held against their mask: a file most of whose boxes disagree is in another convention."""

    def __init__(self) -> None:
        self.rows, self.wrong, self.example = 0, 0, ""

    def add(self, row: Detection, mask_HW: NDArray[np.bool_]) -> None:
        around = mask_box(mask_HW)
        if row.bbox is None or around is None:
            return
        (height, width), (x, y, box_width, box_height) = mask_HW.shape, row.bbox
        around_px = (around.x0 * width, around.y0 * height, around.x1 * width, around.y1 * height)
        self.rows += 1
        if said := disagreement((x, y, x + box_width, y + box_height), around_px):
            self.wrong += 1
            self.example = self.example or f"row {row.number}: {said}"

    def refuse(self, path: Path) -> None:
        """Raise UserError where most rows disagree."""
        if 2 * self.wrong > self.rows >= _FEW:
            raise UserError(
                f"{path}: {self.wrong} of {self.rows} rows have a bbox that is not their mask's ({self.example}); "
                "write boxes as x, y, width, height in px and run lengths by columns, or leave bbox out"
            )


def read_image_files(path: str | Path) -> dict[Any, str]:
    """File name by image id, of a COCO file. Raises UserError for what is none."""
    try:
        images = json.loads(Path(path).read_bytes())["images"]
        return {image["id"]: str(image["file_name"]) for image in images}
    except OSError as error:
        raise UserError(f"cannot read coco.images={path}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"coco.images={path} is no COCO file with `images` ({error!r})") from None


def _answer(
    sample_id: str, sample: SampleFacts, ranked: list[Detection], bad: BadRows, keep: Keep, compared: BoxCheck
) -> Prediction:
    """Of `ranked`, best first, the rows that can be used."""
    union_HW, score = None, None
    for row in ranked:
        try:
            if sample.kind != "mask" or row.segmentation is None:
                return Prediction(sample_id, format_region(_box(row, sample), _PRECISION), score=row.score)
            mask_HW = segmentation_mask(row.segmentation, sample.height, sample.width)
            compared.add(row, mask_HW)
        except UserError as error:
            bad.add("bad_mask", f"row {row.number}: {error}")
            continue
        union_HW = mask_HW if union_HW is None else union_HW | mask_HW
        score = row.score if score is None else score
        if keep == "best":
            break
    if union_HW is None:
        return Prediction(sample_id, "[]" if sample.kind == "mask" else "")
    return Prediction(sample_id, rle=rle_encode(union_HW), score=score)


def _box(row: Detection, sample: SampleFacts) -> Box:
    """The row's own box, else the one around its mask; normalised. Raises UserError for an empty or unreadable mask."""
    if row.bbox is not None:
        x, y, width, height = row.bbox
        if max(x + width, y + height) <= 1 and min(sample.width, sample.height) > 2:
            raise UserError(f"bbox {list(row.bbox)} lies within 0..1; px are expected")
        return Box(x / sample.width, y / sample.height, (x + width) / sample.width, (y + height) / sample.height)
    box = mask_box(segmentation_mask(row.segmentation or [], sample.height, sample.width))
    if box is None:
        raise UserError("its mask is empty, so it has no box")
    return box
