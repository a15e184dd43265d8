"""Image files, looked at and, where readers would disagree about them, turned into upright 8-bit RGB.

Why: an annotation is in pixels of one orientation and size, and the trainer, the evaluator and a serving engine must
see exactly those pixels.  verl opens images with PIL, converts to RGB and ignores the EXIF orientation; OpenCV obeys
it; 16-bit grey is clipped to white by PIL's own conversion.  So JPEG and PNG files that every reader sees alike stay
the bytes they are, and all others become PNG.
How: `read_image("photo.jpg", (480, 640))` -> ImageFacts, or BadRow with the reason.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, ImageStat

from data.problems import BadRow
from data.sample import encode_png

_FORMATS = ("JPEG", "MPO", "PNG")  # MPO: a JPEG with further pictures behind it, which all readers leave alone
_ALIKE = ("grey",)  # worth a note, but every reader gives the same three equal channels
_MODES = {"RGB": None, "L": "grey", "1": "grey", "P": "palette", "RGBA": "alpha", "LA": "alpha", "PA": "alpha"}
_TURNED, _SIDEWAYS = range(2, 9), range(5, 9)  # EXIF orientations that are not upright, and that swap height and width
_FLAT = 4.0  # standard deviation of grey levels; below it a hash is of noise


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image as it is to be used.

    `height` and `width` are px.  `notes` says what is not plain RGB about the file: grey, palette, alpha, 16-bit,
    12-bit in 16, another mode such as cmyk, another format such as webp, rotated (turned upright), unrotated (see
    `read_image`).
    `encoded` is what to embed in a dataset: the file's own bytes, or a PNG of the normalised pixels (alpha over white,
    as Qwen's own reader has it).  None where only a header was read of a file that can be used as it is.
    `digest` is of the file's bytes, `look_hash` of what it looks like (`near_copies.py`), None where only a header was
    read; a picture with nothing in it has no `look_hash` either.
    """

    height: int
    width: int
    notes: tuple[str, ...]
    encoded: bytes | None
    digest: str | None = None
    look_hash: int | None = None

    @property
    def as_is(self) -> bool:
        """Whether every reader sees the right pixels in the file itself, so that its path will do."""
        return all(note in _ALIKE for note in self.notes)


def read_image(image: str | bytes, size: tuple[int, int] | None = None, *, decode: bool = True) -> ImageFacts:
    """Look at an image, given as path or encoded bytes.

    size: (height, width) of the annotation, None where it does not say.  A file with an EXIF rotation is turned
    upright, unless the annotation fits only the pixels as stored: then its tag is dropped (`unrotated`).
    decode: False reads only the header of a file that can be used as it is, and so misses damage behind it.
    Raises BadRow: missing_image, undecodable_image, size_mismatch.
    """
    name = image if isinstance(image, str) else f"image of {len(image)} bytes"
    try:
        with Image.open(image if isinstance(image, str) else BytesIO(image)) as picture:
            (height, width), notes = _shape_and_notes(picture, size)
            if size not in (None, (height, width)):
                raise BadRow("size_mismatch", f"{name} is {height} x {width} px, annotated {size[0]} x {size[1]}")
            if "16-bit" in notes and (bits := _bits(picture)) < 16:
                notes = tuple(f"{bits}-bit in 16" if note == "16-bit" else note for note in notes)
            facts = ImageFacts(height, width, notes, None)
            pixels_HW3 = None if facts.as_is else _pixels(picture, upright="rotated" in notes)
            if pixels_HW3 is None and decode:
                picture.load()
            looks = look_hash(picture if pixels_HW3 is None else Image.fromarray(pixels_HW3)) if decode else None
    except BadRow:
        raise
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise BadRow("missing_image", f"{name}: {error.strerror}") from error
    except Exception as error:  # a decoder may trip over damage in any way
        raise BadRow("undecodable_image", f"{name}: {error or type(error).__name__}") from error
    if isinstance(image, str) and not decode and facts.as_is:
        return facts
    content = image if isinstance(image, bytes) else Path(image).read_bytes()
    encoded = content if pixels_HW3 is None else encode_png(pixels_HW3)
    return ImageFacts(height, width, notes, encoded, digest_of(content), looks)


def digest_of(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def look_hash(picture: Image.Image) -> int | None:
    """64 bits that photographs share if they look alike; None for a picture with nothing in it."""
    small = picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS)  # the size that pHash works at
    return int(str(imagehash.phash(small)), 16) if ImageStat.Stat(small).stddev[0] >= _FLAT else None


def _shape_and_notes(picture: Image.Image, size: tuple[int, int] | None) -> tuple[tuple[int, int], tuple[str, ...]]:
    notes = [] if picture.format in _FORMATS else [str(picture.format).lower()]
    mode = "16-bit" if picture.mode.startswith("I") else _MODES.get(picture.mode, picture.mode.lower())
    notes += [mode] if mode else []
    shape = stored = picture.height, picture.width
    # PNG's own getexif decodes all pixels, for a tag that might come after them.
    orientation = Image.Image.getexif(picture).get(ExifTags.Base.Orientation)
    if orientation in _TURNED:
        upright = (picture.width, picture.height) if orientation in _SIDEWAYS else stored
        fits_stored_only = size == stored != upright
        shape = stored if fits_stored_only else upright
        notes.append("unrotated" if fits_stored_only else "rotated")
    return shape, tuple(notes)


def _bits(picture: Image.Image) -> int:
    """How many of its 16 bits a grey picture uses: cameras write 12, and some tools 8, into 16."""
    highest = int(np.asarray(picture, np.int32).max())
    return next((bits for bits in (8, 12) if highest < 2**bits), 16)


def _pixels(picture: Image.Image, *, upright: bool) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3)."""
    picture = ImageOps.exif_transpose(picture) if upright else picture
    if picture.mode.startswith("I"):
        grey_HW = np.clip(np.asarray(picture, np.int32) >> (_bits(picture) - 8), 0, 255).astype(np.uint8)
        picture = Image.fromarray(grey_HW)
    elif picture.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    elif picture.mode.endswith(("A", "a")) or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))
