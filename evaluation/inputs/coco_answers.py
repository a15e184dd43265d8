"""COCO results as answers: which row is about which sample, and what it says of it.

A row answers the sample that its `sample_id` names, or else every sample of its image: an image's id is the file's
number or name, or, where the numbers mean nothing, what `images` of a COCO file says (`image_files`).
A sample that no row answers has been answered with "nothing is there", since detectors write nothing then.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from data.record import image_id
from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_results import Detection, read_detections
from evaluation.inputs.sample_facts import SampleFacts
from evaluation.prediction import Prediction
from polygon import Box, UserError, format_region, mask_box, rle_encode, segmentation_mask

Keep = Literal["best", "all"]
KEEP: tuple[Keep, ...] = ("best", "all")
_PRECISION = 6  # decimals of a box: a thousandth of a pixel


def coco_predictions(
    path: Path,
    facts: Mapping[str, SampleFacts],
    bad: BadRows,
    *,
    keep: Keep = "best",
    min_score: float = 0.0,
    image_files: Mapping[Any, str] | None = None,
) -> Iterator[Prediction]:
    """One prediction for each sample of `facts`, in its order.

    keep: the "best" row by its score answers a sample, or "all" rows joined into one mask.
    min_score: rows below it are as if they were not there.
    image_files: file name of each image id, where the id is not the file's own number or name.
    Raises UserError where no row is about any of the samples.
    """
    by_sample, by_image = defaultdict(list), defaultdict(list)
    photographs = {_photograph(each.image_id) for each in facts.values()}
    for row in read_detections(path, bad):
        name = str((image_files or {}).get(row.image_id, row.image_id))
        photograph = next((each for each in (_photograph(name), _photograph(_stem(name))) if each in photographs), None)
        if row.sample_id in facts:
            by_sample[row.sample_id].append(row)
        elif row.sample_id is None and photograph is not None:
            by_image[photograph].append(row)
        else:
            named = f"sample {row.sample_id!r}" if row.sample_id is not None else f"image {row.image_id!r}"
            bad.add("unknown_image", f"row {row.number}: the split has no {named}")
    if not by_sample and not by_image:
        ids = ", ".join(repr(each) for each in sorted(photographs)[:2])
        raise bad.refuse(
            f"{path}: no row is about an image of the split, which has {ids}, ...",
            "give rows a sample_id, or set coco.images to the COCO file with the images' file names",
        )
    for sample_id, sample in facts.items():
        rows = by_sample.get(sample_id) or by_image.get(_photograph(sample.image_id), [])
        ranked = sorted((row for row in rows if row.score >= min_score), key=lambda row: -row.score)
        yield _answer(sample_id, sample, ranked, bad, keep)


def read_image_files(path: str | Path) -> dict[Any, str]:
    """File name by image id, of a COCO file. Raises UserError for what is none."""
    try:
        images = json.loads(Path(path).read_bytes())["images"]
        return {image["id"]: str(image["file_name"]) for image in images}
    except OSError as error:
        raise UserError(f"cannot read coco.images={path}: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"coco.images={path} is no COCO file with `images` ({error!r})") from None


def _photograph(name: str) -> str:
    """One name for `coco/000000000042`, `COCO_val2014_000000000042` and 42, which no collection's name is part of."""
    return image_id(name.rsplit("/", 1)[-1] + ".jpg", "mscoco")


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _answer(sample_id: str, sample: SampleFacts, ranked: list[Detection], bad: BadRows, keep: Keep) -> Prediction:
    """Of `ranked`, best first, the rows that can be used."""
    union_HW, score = None, None
    for row in ranked:
        try:
            if sample.kind != "mask" or row.segmentation is None:
                return Prediction(sample_id, format_region(_box(row, sample), _PRECISION), score=row.score)
            mask_HW = segmentation_mask(row.segmentation, sample.height, sample.width)
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
        return Box(x / sample.width, y / sample.height, (x + width) / sample.width, (y + height) / sample.height)
    box = mask_box(segmentation_mask(row.segmentation or [], sample.height, sample.width))
    if box is None:
        raise UserError("its mask is empty, so it has no box")
    return box
