"""`ReasonSeg`: LISA's questions that need reasoning, each image beside a json of labelled polygons.

Why: the field reports it beside RefCOCO.  Parts of an image are marked to be ignored, and polygons are painted from the
largest to the smallest, so that a small one lies on top: target, or ignored.
How: `dataset=reason_seg dataset.source.root=FOLDER` with FOLDER/{train,val,test}/NAME.jpg and NAME.json, each

    {"text": ["..."], "is_sentence": true, "shapes": [{"label": "target", "points": [[x, y], ...]}, ...]}

The pixels are those of LISA's utils/data_processing.py, which draws a polygon's border as well as its inside; scored
with `conventions=lisa` gIoU and cIoU are those of its ValDataset, which asks the first text of an image.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from data.image_file import read_image
from data.problems import BadRow
from data.record import Record, image_id
from data.record_source import RecordSource
from polygon import UserError, rle_encode

_MOST_PX = 2**15 - 1  # OpenCV draws within 16 bits


@dataclass(kw_only=True)
class ReasonSeg(RecordSource):
    """`root` has a folder a split.  `texts`: "first" asks the first text of an image, "all" each of them."""

    layout: ClassVar[str] = "name the folder with train/, val/ and test/, each of pairs NAME.jpg and NAME.json"
    root: str
    texts: str = "first"

    def __post_init__(self) -> None:
        if self.texts not in ("first", "all"):
            raise UserError(f"dataset.source.texts: {self.texts!r} is unknown; known: first, all")
        if not self.splits:
            raise UserError(f"{self.root} has no folder with a json; dataset.source.root: {self.layout}")

    @cached_property
    def splits(self) -> tuple[str, ...]:
        folders = sorted(Path(self.root).glob("*/")) if Path(self.root).is_dir() else []
        return tuple(folder.name for folder in folders if next(folder.glob("*.json"), None))

    def records(self, split: str) -> Sequence[Record]:
        if split not in self._read:
            self._read[split] = [self._record(split, file) for file in sorted((Path(self.root) / split).glob("*.json"))]
        return self._read[split]

    @cached_property
    def _read(self) -> dict[str, list[Record]]:
        return {}

    def _record(self, split: str, file: Path) -> Record:
        image = file.with_suffix(".jpg")
        found: dict[str, Any] = {"height": 0, "width": 0, "segmentations": (), "expressions": ()}
        try:
            content = _content(file)
            texts = [str(text).strip() for text in content["text"]][: 1 if self.texts == "first" else None]
            found["expressions"] = tuple(filter(None, texts))
            facts = read_image(str(image), decode=False)
            size = found["height"], found["width"] = facts.height, facts.width
            target_HW, ignored_HW = paint(content["shapes"], *size)
            found["segmentations"] = (rle_encode(target_HW),)
            found["ignored"] = rle_encode(ignored_HW) if ignored_HW.any() else None
        except BadRow as bad:
            found["problem"] = bad.reason, bad.detail
        except OSError as error:
            found["problem"] = "bad_annotation", f"{file}: {error.strerror}"
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            found["problem"] = "bad_annotation", f"{file}: {type(error).__name__} {error}"[:300]
        return Record(
            source=self.name,
            split=split,
            image=str(image),
            image_id=image_id(f"{split}/{image.name}", self.name),
            ann_id=file.stem,
            box_px=None,
            source_image_id=file.stem,
            **found,
        )


def _content(file: Path) -> dict:
    """Most files are UTF-8, some in Windows' encoding."""
    content = file.read_bytes()
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        return json.loads(content.decode("cp1252"))


def paint(shapes: Sequence[dict], height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(target, ignored), bool (H, W), of labelled polygons; a later label "ignore" wins over a larger target.

    Raises ValueError for a polygon of no finite points or far outside of the image.
    """
    drawn: list[tuple[int, int, NDArray[np.int32]]] = []
    for shape in shapes:
        label = str(shape["label"]).lower()
        if label == "flag":  # a mark on the image, not a region
            continue
        points_N2 = np.asarray(shape["points"], np.float64)
        if points_N2.ndim != 2 or points_N2.shape[1] != 2 or not (np.abs(points_N2) <= _MOST_PX).all():
            raise ValueError(f"points of {shape['label']!r} are no pairs of numbers in px")
        ring_N2 = points_N2.astype(np.int32)  # cut off, as LISA does
        area = int(np.count_nonzero(_drawn(np.zeros((height, width), np.uint8), ring_N2, 1)))
        drawn.append((area, _IGNORED if "ignore" in label else _TARGET, ring_N2))
    labels_HW = np.zeros((height, width), np.uint8)
    for number in np.argsort([area for area, *_ in drawn])[::-1]:
        _drawn(labels_HW, drawn[number][2], drawn[number][1])
    return labels_HW == _TARGET, labels_HW == _IGNORED


_TARGET, _IGNORED = 1, 255


def _drawn(labels_HW: NDArray[np.uint8], ring_N2: NDArray[np.int32], label: int) -> NDArray[np.uint8]:
    """The polygon's border and inside, painted into `labels_HW`."""
    cv2.polylines(labels_HW, [ring_N2], True, label, 1)
    cv2.fillPoly(labels_HW, [ring_N2], label)
    return labels_HW
