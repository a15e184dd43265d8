"""`Record`: one annotated target of one image, as a source's files state it.

Why: REFER folders, COCO json and Hugging Face tables differ in layout only; what they say fits one value, and what can
be wrong with it is found in one place (`record_source.py`), not once a format.
"""

import re
from dataclasses import dataclass
from os.path import basename, normpath, splitext  # ten times as fast as pathlib, and asked for every text

_COCO_STEM = re.compile(r"(?:COCO_\w+?_)?(\d{12})(?:_\d+)?")

OUTSIDE = 0.05
"""Of the image's side: annotators overshoot the border by a few pixels, and are clipped there."""
_AUGMENTED = re.compile(r"\.rf\.[0-9A-Za-z]+(?=\.\w+$)")


@dataclass(frozen=True, slots=True)
class Record:
    """An object, several objects answered together (gRefCOCO), or none, with every expression that means it.

    Not validated, except that `problem` holds the (reason, detail) of what only the source could see: an id that occurs
    twice, a reference to an annotation that is not there.
    `image` is a path or encoded bytes.  `image_id` is the photograph, by one name in all datasets that show it
    (`image_id`); `source_image_id` is what the annotation file calls it, `category_id` and `category` the object's, and
    `area_px` the mask's area as annotated.
    `ignored` are run lengths of pixels that count neither for nor against an answer.
    `height` and `width` are px as annotated; 0 where the files do not say.  `is_upright`: outlines are those of the
    photograph as it is shown, also where height and width are those of the pixels as stored.
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
    source_image_id: int | str | None = None
    category_id: int | str | None = None
    category: str | None = None
    area_px: float | None = None
    ignored: dict | None = None
    is_upright: bool = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.source} {self.split} {self.ann_id}"

    @property
    def has_target(self) -> bool:
        return bool(self.segmentations) or self.box_px is not None


def family(image: str) -> str:
    """An image id without the part by which Roboflow tells the augmented versions of one photograph apart."""
    return _AUGMENTED.sub("", image)


def image_id(path: str, collection: str) -> str:
    """Which photograph a file holds: `coco/000000581857` or `<collection>/<path>`.

    path: below the dataset's image folder, as its annotations say.
    In the collection `mscoco`, and there alone, a file named as COCO names its own is known by its number, which is
    unique over COCO's train, val and test sets and over 2014 and 2017: RefCOCO's `COCO_train2014_000000581857_16.jpg`
    (16 is an object's number), COCO's `COCO_train2014_000000581857.jpg`, 2017's `000000581857.jpg` and a bare 581857
    are one. Digits of any other file name mean nothing: cam1/0001.jpg and cam2/0001.jpg are two photographs.
    """
    path = normpath(path.replace("\\", "/")).lstrip("/")
    if collection == "mscoco" and path.isdecimal():  # an id, not a file
        path = path.zfill(12)
    match = _COCO_STEM.fullmatch(splitext(basename(path))[0]) if collection == "mscoco" else None
    return f"coco/{match[1]}" if match else f"{collection}/{path}"
