"""Image files of every kind become the pixels that every reader sees, or a reason why not."""

import os
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from data.image_file import read_image
from data.problems import BadRow
from data.sample import decode_image

RNG = np.random.default_rng(0)
SMOOTH_HW3 = np.kron(RNG.integers(0, 256, (5, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)  # 40 x 64, kind to JPEG


def encoded(picture: Image.Image | np.ndarray, form: str = "PNG", orientation: int | None = None, **options) -> bytes:
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    stream = BytesIO()
    picture.save(stream, form, exif=exif, **options)
    return stream.getvalue()


def seen_by_verl(content: bytes) -> np.ndarray:
    """As qwen_vl_utils.to_rgb does for images of mode RGB and L."""
    return np.asarray(Image.open(BytesIO(content)).convert("RGB"))


def reason(*arguments, **options) -> str:
    with pytest.raises(BadRow) as error:
        read_image(*arguments, **options)
    return error.value.reason


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_files_stay_as_they_are(tmp_path, form, mode):
    content = encoded(Image.fromarray(SMOOTH_HW3).convert(mode), form)
    path = tmp_path / "photo"
    path.write_bytes(content)
    for image in (content, str(path)):
        facts = read_image(image, (40, 64))
        assert (facts.height, facts.width, facts.as_is) == (40, 64, True)
        assert facts.notes == (() if mode == "RGB" else ("grey",))
        assert facts.encoded == content
    assert read_image(str(path), (40, 64), decode=False).encoded is None
    assert read_image(content, decode=False).encoded == content
    assert np.abs(decode_image(content).astype(int) - seen_by_verl(content)).max() <= 2  # two JPEG decoders


@pytest.mark.parametrize(
    ("picture", "form", "note", "expected"),
    [
        (Image.fromarray(SMOOTH_HW3).convert("CMYK"), "JPEG", "cmyk", SMOOTH_HW3),
        (Image.fromarray(SMOOTH_HW3[..., 0].astype(np.uint16) * 257), "PNG", "16-bit", SMOOTH_HW3[..., :1]),
        (Image.fromarray(SMOOTH_HW3[..., 0].astype(np.uint16) * 16), "PNG", "12-bit in 16", SMOOTH_HW3[..., :1]),
        (Image.fromarray(SMOOTH_HW3[..., 0].astype(np.uint16)), "PNG", "8-bit in 16", SMOOTH_HW3[..., :1]),
        (Image.fromarray(SMOOTH_HW3).quantize(256), "PNG", "palette", SMOOTH_HW3),
        (Image.fromarray(SMOOTH_HW3), "WEBP", "webp", SMOOTH_HW3),
        (Image.fromarray(SMOOTH_HW3), "TIFF", "tiff", SMOOTH_HW3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_become_plain_ones(picture, form, note, expected):
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "JPEG" else {}
    facts = read_image(encoded(picture, form, **options), (40, 64), decode=False)
    assert note in facts.notes
    assert not facts.as_is
    for pixels_HW3 in (decode_image(facts.encoded), seen_by_verl(facts.encoded)):
        assert np.abs(pixels_HW3.astype(int) - expected).max() <= (12 if form == "JPEG" else 0)
    again = read_image(facts.encoded, (40, 64))
    assert again.notes == ()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode):
    alpha_HW = np.zeros((40, 64), np.uint8)
    alpha_HW[:, 32:] = 255
    rgba = Image.fromarray(np.dstack([SMOOTH_HW3, alpha_HW]))
    if mode == "P":
        picture = Image.fromarray(np.where(alpha_HW > 0, 1, 0).astype(np.uint8), "P")
        picture.putpalette([9, 9, 9, 200, 100, 50])
        content = encoded(picture, transparency=0)
    else:
        content = encoded(rgba.convert(mode))
    facts = read_image(content)
    pixels_HW3 = decode_image(facts.encoded)
    assert (pixels_HW3[:, :32] == 255).all()
    opaque = {"RGBA": SMOOTH_HW3, "LA": np.asarray(rgba.convert("L"))[..., None], "P": [200, 100, 50]}[mode]
    assert np.array_equal(pixels_HW3[:, 32:], np.broadcast_to(opaque, (40, 64, 3))[:, 32:])
    assert "alpha" in facts.notes or "palette" in facts.notes


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotations_follow_the_annotation(form, orientation):
    stored = Image.fromarray(SMOOTH_HW3)
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270"}
    turns |= {7: "TRANSVERSE", 8: "ROTATE_90"}
    upright = stored.transpose(Image.Transpose[turns[orientation]]) if orientation in turns else stored
    content = encoded(stored, form, orientation, **({"quality": 100, "subsampling": 0} if form == "JPEG" else {}))

    def check(size, expected: Image.Image, notes):
        facts = read_image(content, size, decode=False)
        assert (facts.height, facts.width, facts.notes) == (*expected.size[::-1], notes)
        for pixels_HW3 in (decode_image(facts.encoded), seen_by_verl(facts.encoded)):
            assert np.abs(pixels_HW3.astype(int) - np.asarray(expected)).max() <= 4

    said = () if orientation == 1 else ("rotated",)
    check(None, upright, said)
    check(upright.size[::-1], upright, said)
    if orientation >= 5:
        check((40, 64), stored, ("unrotated",))
    assert reason(content, (41, 64)) == "size_mismatch"


def test_a_size_that_disagrees_is_said_with_both():
    with pytest.raises(BadRow, match=r"is 40 x 64 px, annotated 64 x 40"):
        read_image(encoded(SMOOTH_HW3), (64, 40))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_damage_behind_the_header_is_found_by_decoding(form, tmp_path):
    noise = encoded(RNG.integers(0, 256, (200, 300, 3), dtype=np.uint8), form)
    path = tmp_path / "cut"
    path.write_bytes(noise[: len(noise) // 2])
    assert reason(str(path)) == "undecodable_image"
    assert read_image(str(path), (200, 300), decode=False).encoded is None


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"GIF89a", encoded(SMOOTH_HW3)[:30], encoded(SMOOTH_HW3, "JPEG")[:10]]
)
def test_what_is_no_image(content):
    assert reason(content, decode=False) == "undecodable_image"


def test_more_pixels_than_anybody_wants():
    content = bytearray(encoded(SMOOTH_HW3))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    assert reason(bytes(content), decode=False) == "undecodable_image"


def test_floating_point_pixels_have_no_range():
    content = encoded(Image.fromarray(SMOOTH_HW3[..., 0].astype(np.float32)), "TIFF")
    assert reason(content) == "undecodable_image"


def test_files_that_cannot_be_opened(tmp_path):
    assert reason(str(tmp_path / "gone.jpg")) == "missing_image"
    assert reason(str(tmp_path)) == "missing_image"
    (tmp_path / "file").touch()
    assert reason(str(tmp_path / "file/photo.jpg")) == "missing_image"
    if os.geteuid():
        (tmp_path / "file").chmod(0)
        assert reason(str(tmp_path / "file")) == "missing_image"
