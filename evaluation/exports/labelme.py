"""Answers as LabelMe files, one a photo, to be looked at and corrected by hand.

A part is a polygon, box a rectangle, point a point; the label is the expression, and the parts of one answer share a
`group_id`. LabelMe's polygons know no holes: an answer that cuts one is a shape of type `mask`, exact but less easy to
edit. Photos that are files already are named by path, others are written beside the JSON.
"""

import base64
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data.sample import Sample
from evaluation.exports.exported import Exported
from polygon import Box, Codec, Mask, Point
from polygon.contour import signed_area
from polygon.output import write_whole

VERSION = "5.5.0"  # of LabelMe's format; masks came with 5.3
PNG = b"\x89PNG"


def write_labelme(answers: Iterable[Exported], output: Path, codec: Codec, left_out: Counter[str]) -> int:
    """Write a JSON file a photo into the folder `output`; returns the number of photos."""
    photos: dict[str, dict[str, Any]] = {}
    taken: dict[str, str] = {}
    for answer in answers:
        sample = answer.sample
        if sample.image_id not in photos:
            photos[sample.image_id] = _photo(sample, output, taken)
        shapes = photos[sample.image_id]["shapes"]
        group = len({shape["group_id"] for shape in shapes})
        shapes += [_shape(sample, group, *drawn) for drawn in _drawn(answer, codec)]
    for name, content in photos.items():
        write_whole(output / f"{file_name(name, taken)}.json", json.dumps(content, indent=1).encode() + b"\n")
    return len(photos)


def file_name(name: str, taken: dict[str, str]) -> str:
    """A name of any dataset as one of a file beside those that are `taken`: cam1/1.jpg and cam1_1.jpg are two."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    if taken.setdefault(plain.lower(), name) != name:
        plain += f".{zlib.crc32(name.encode()):08x}"
    return plain


def _photo(sample: Sample, folder: Path, taken: dict[str, str]) -> dict[str, Any]:
    if isinstance(sample.image, str):
        image_path = os.path.relpath(sample.image, folder)
    else:
        encoded = sample.image_bytes()
        image_path = file_name(sample.image_id, taken) + (".png" if encoded.startswith(PNG) else ".jpg")
        write_whole(folder / image_path, encoded)
    return {
        "version": VERSION,
        "flags": {},
        "shapes": [],
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": sample.height,
        "imageWidth": sample.width,
        "imageId": sample.source_image_id,
    }


def _shape(sample: Sample, group: int, kind: str, points: list[list[float]], mask: str | None) -> dict[str, Any]:
    return {
        "label": sample.expression or sample.task,
        "points": points,
        "group_id": group,
        "description": sample.sample_id,
        "category": sample.category,
        "shape_type": kind,
        "flags": {},
        "mask": mask,
    }


def _drawn(answer: Exported, codec: Codec) -> list[tuple[str, list[list[float]], str | None]]:
    """(shape type, points in px, mask) of each shape of an answer; none for an empty mask."""
    height, width = answer.sample.height, answer.sample.width
    match answer.region:
        case Box(x0, y0, x1, y1):
            return [("rectangle", [[x0 * width, y0 * height], [x1 * width, y1 * height]], None)]
        case Point(x, y):
            return [("point", [[x * width, y * height]], None)]
        case Mask(polygons):
            if codec.decode == "matched" and any(signed_area(ring_N2) < 0 for ring_N2 in polygons):
                mask_HW = answer.mask_HW
                if mask_HW is None:
                    mask_HW = codec.rasterise(answer.region, height, width)
                return [_pixels(mask_HW)]
            return [("polygon", (ring_N2 * (width, height)).round(2).tolist(), None) for ring_N2 in polygons]


def _pixels(mask_HW: NDArray[np.bool_]) -> tuple[str, list[list[float]], str | None]:
    """The mask cut out along its box, whose corners are the first and the last pixel in it."""
    pixels_HW = mask_HW.view(np.uint8)
    x, y, width, height = cv2.boundingRect(pixels_HW)
    png = cv2.imencode(".png", pixels_HW[y : y + height, x : x + width])[1].tobytes()
    return "mask", [[x, y], [x + width - 1, y + height - 1]], base64.b64encode(png).decode("ascii")
