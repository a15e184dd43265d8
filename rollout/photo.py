"""Photos from anywhere, of any size, as samples that a backend can answer.

The model sees what its processor makes of a photo: Qwen-VL resizes to whole patches within limits of its own, the tiny
model to about 128 x 128 px. Answers are fractions of the sides, so they hold for the photo at its own size. A photo of
more than `max_pixels` is shrunk before that: a telephone's 12 megapixels would be 15,000 image tokens.
"""

from collections.abc import Iterable, Iterator
from math import sqrt
from pathlib import Path

import cv2
from PIL import Image

from data.image_file import ImageFacts, read_image
from data.problems import BadRow
from data.rows import PreparedSample
from data.sample import decode_image, encode_png
from polygon import UserError
from rollout.question import Question

OVERLAY = ".overlay"  # in the names of the pictures that rollout.predict writes
LARGEST_ASPECT = 200  # Qwen-VL's processors refuse more


def find_photos(image: str | Path) -> list[Path]:
    """The file itself, or a folder's image files by name (not those in its folders). UserError if there is none."""
    path = Path(image)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"image={path}: no such file or folder; name a photo, or a folder of photos")
    known = Image.registered_extensions()
    photos = [file for file in sorted(path.iterdir()) if file.suffix.lower() in known and OVERLAY not in file.suffixes]
    if not photos:
        raise UserError(f"image={path}: there is no photo in this folder (.jpg, .png, .webp, ...)")
    return photos


def open_photo(path: str | Path) -> ImageFacts:
    """The photo upright, in 8-bit RGB. Raises BadRow for what is none, and for one too long and thin for any model."""
    facts = read_image(str(path))
    if max(facts.height, facts.width) > LARGEST_ASPECT * min(facts.height, facts.width):
        size = f"{facts.width} x {facts.height} px"
        raise BadRow("undecodable_image", f"{path} is {size}: one side is more than {LARGEST_ASPECT} times the other")
    return facts


def photo_samples(
    photos: Iterable[Path], question: Question, max_pixels: int | None, bad: dict[Path, str]
) -> Iterator[PreparedSample]:
    """The question about each photo, its path as id; photos that cannot be read go into `bad`, each with the reason."""
    for index, path in enumerate(photos):
        try:
            facts = open_photo(path)
        except BadRow as error:
            bad[path] = str(error)
            continue
        yield PreparedSample(
            sample_id=str(path),
            source="photo",
            split="",
            task=question.task,
            image=_shrunk(facts, max_pixels),
            height=facts.height,
            width=facts.width,
            expression=question.expression,
            prompt_region=question.region,
            rle=None,
            box=None,
            image_id=str(path),
            ann_id="",
            index=index,
            prompt=question.prompt,
        )


def _shrunk(facts: ImageFacts, max_pixels: int | None) -> bytes:
    """PNG or JPEG bytes of at most about `max_pixels`."""
    encoded = facts.encoded or b""
    if max_pixels is None or facts.height * facts.width <= max_pixels:
        return encoded
    scale = sqrt(max_pixels / (facts.height * facts.width))
    size = max(1, round(facts.width * scale)), max(1, round(facts.height * scale))
    return encode_png(cv2.resize(decode_image(encoded), size, interpolation=cv2.INTER_AREA))
