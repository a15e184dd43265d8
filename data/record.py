"""`Record`: one annotated target of one image, as a source's files state it.

Why: REFER folders, COCO json and Hugging Face tables differ in layout only; what they say fits one value, and what can
be wrong with it is found in one place (`record_source.py`), not once a format.
"""

import re
from dataclasses import dataclass
from os.path import basename, splitext  # ten times as fast as pathlib, and asked for every text

_COCO_STEM = re.compile(r"(?:COCO_\w+?_)?(\d{12})(?:_\d+)?")


@dataclass(frozen=True, slots=True)
class Record:
    """An object, several objects answered together (gRefCOCO), or none, with every expression that means it.

    Not validated, except that `problem` holds the (reason, detail) of what only the source could see: an id that occurs
    twice, a reference to an annotation that is not there.
    `image` is a path or encoded bytes.  `image_id` agrees between datasets over the same photographs (`image_id`).
    `height` and `width` are px as annotated; 0 where the files do not say.
    `segmentations` are COCO segmentations (a list of polygons, or run lengths) of its `n_objects`; the target is their
    union.  `box_px` is the annotated (x0, y0, x1, y1) in px, around all objects.
    No segmentation but a box: a target for the box task.  Neither: nothing in the image is meant.
    """

    source: str
    split: str
    image: str | bytes
    image_id: str
    ann_id: str
    height: int
    width: int
    segmentations: tuple[list | dict, ...]
    box_px: tuple[float, float, float, float] | None
    expressions: tuple[str, ...]
    n_objects: int = 1
    problem: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.source} {self.split} {self.ann_id}"

    @property
    def has_target(self) -> bool:
        return bool(self.segmentations) or self.box_px is not None


def image_id(file_name: str, collection: str) -> str:
    """Which photograph a file holds: `coco/000000581857` or `<collection>/<stem>`.

    COCO's numbers are unique over its train, val and test sets and over 2014 and 2017, which share photographs between
    differently named splits; so the number alone is the photograph, and RefCOCO's `COCO_train2014_000000581857_16.jpg`
    (16 is an object's number), COCO's own `COCO_train2014_000000581857.jpg` and 2017's `000000581857.jpg` are one, and
    in the collection `mscoco` so is a bare 581857.
    """
    stem = splitext(basename(file_name))[0]
    match = _COCO_STEM.fullmatch(stem.zfill(12) if collection == "mscoco" and stem.isdecimal() else stem)
    return f"coco/{match[1]}" if match else f"{collection}/{stem}"
