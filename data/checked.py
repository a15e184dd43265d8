"""`Checked`: a record that was looked at, its photograph too, and found sound.

Why: files are believed once, here.  A dataset asks several times about an object, and rows are made of what was found,
not of what the files state.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from data.image_file import ImageFacts, read_image
from data.problems import BadRow
from data.record import Record
from data.record_target import Found, area_agrees, target_of
from polygon.rle import coco

_PLACEHOLDER = re.compile(r"<(?:image|video|audio)>|<\|[^|<>]*\|>")  # verl's, and every model family's own tokens
_PHOTOGRAPHS = 256  # to remember; whoever looks at many records has those of one photograph follow each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What samples of a record need.

    `image` is the path of a file that every reader sees alike, else bytes (`image_file.py`); height and width are px.
    `digest` and `look_hash` are those of `ImageFacts`.
    `is_single`: exactly one object is meant.  `rle`, `box`, `ignored` and `twice` are those of `Sample`; `mask_text` is
    the codec's answer to the mask, where known.  `converted` are the notes of `ImageFacts`, where pixels had to be
    converted, and what is odd but does no harm.
    """

    source: str
    image_id: str
    ann_id: str
    image: str | bytes
    height: int
    width: int
    expressions: tuple[str, ...]
    is_single: bool
    rle: dict | None
    box: tuple[float, float, float, float] | None
    ignored: dict | None = None
    twice: dict | None = None
    mask_text: str | None = None
    converted: tuple[str, ...] = ()
    source_image_id: int | str | None = None
    category_id: int | str | None = None
    category: str | None = None
    digest: str | None = None
    look_hash: int | None = None

    def task(self, task: str) -> str:
        """What can be asked: of several objects or none no point or box can ask, nor say them."""
        return task if self.is_single else "text2mask"


def check(record: Record, task: str, *, decode: bool) -> Checked:
    """The record, which has to serve `task`.  Raises BadRow for what cannot be used.

    decode: its image is decoded, which finds damage behind an intact header.
    """
    if record.problem is not None:
        raise BadRow(*record.problem)
    if not record.expressions:
        raise BadRow("no_expression", f"{record.name} has none")
    if placeholder := next(filter(None, map(_PLACEHOLDER.search, record.expressions)), None):
        raise BadRow("placeholder", f"{record.name}: {placeholder[0]} in an expression stands for an image or a turn")
    is_single = record.has_target and record.n_objects == 1
    asked = task if is_single else "text2mask"
    if record.has_target and not record.segmentations and asked != "text2box":
        raise BadRow("no_mask", f"{record.name} has a box and no mask: {asked} cannot be asked of it, text2box can")
    image, (rle, box, twice) = _in_its_frame(record, decode)
    converted = image.notes if image.encoded not in (None, record.image) else ()
    if rle is not None and not area_agrees(record, float(coco.area(rle))):
        converted += ("an area that is not the mask's",)
    return Checked(
        source=record.source,
        image_id=record.image_id,
        ann_id=record.ann_id,
        image=image.encoded or record.image,
        height=image.height,
        width=image.width,
        expressions=record.expressions,
        is_single=is_single,
        rle=rle,
        box=box,
        ignored=record.ignored,
        twice=twice,
        converted=converted,
        source_image_id=record.source_image_id,
        category_id=record.category_id,
        category=record.category,
        digest=image.digest,
        look_hash=image.look_hash,
    )


def _in_its_frame(record: Record, decode: bool) -> tuple[ImageFacts, Found]:
    """The image and the target in it.

    Where the size is that of the pixels as stored and the outlines are those of the photograph as it is shown, by what
    the whole file says or because they fit no other way, it is shown.
    """
    image = look(record, decode=decode)
    if not record.is_upright or "unrotated" not in image.notes:
        try:
            return image, target_of(record, image.height, image.width)
        except BadRow as bad:
            if bad.reason != "outside_image" or "unrotated" not in image.notes:
                raise
    image = look(replace(record, height=record.width, width=record.height), decode=decode)
    return image, target_of(record, image.height, image.width)


def look(record: Record, *, decode: bool) -> ImageFacts:
    """The record's image; `encoded` only where its bytes are not simply those of a file.  Raises BadRow."""
    size = (record.height, record.width) if record.height and record.width else None
    if isinstance(record.image, bytes):
        return read_image(record.image, size, decode=decode)
    return _look_at_file(record.image, size, decode) or read_image(record.image, size)


@lru_cache(_PHOTOGRAPHS)
def _look_at_file(path: str, size: tuple[int, int] | None, decode: bool) -> ImageFacts | None:
    """None for a file that has to be converted, which is done anew each time: converted pixels are too many to keep."""
    facts = read_image(path, size, decode=decode)
    return (
        ImageFacts(facts.height, facts.width, facts.notes, None, facts.digest, facts.look_hash) if facts.as_is else None
    )
