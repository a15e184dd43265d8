"""Near copies: a photograph scaled or saved anew is found, another one is not, and a flat picture is like no other."""

from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from data.image_file import look_hash
from data.near_copies import near_copies
from tests.unit.test_coco_fields import annotations, prepared, rows  # noqa: F401


def photograph(seed: int) -> Image.Image:
    """A picture with large and small structure, as photographs have."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (320, 240), Image.Resampling.BICUBIC
    )
    noise_HW3 = rng.integers(-12, 13, (240, 320, 3))
    return Image.fromarray(np.clip(np.asarray(coarse).astype(int) + noise_HW3, 0, 255).astype(np.uint8))


def saved(picture: Image.Image, **options) -> Image.Image:
    buffer = BytesIO()
    picture.save(buffer, **options)
    return Image.open(buffer)


def differing(a: Image.Image, b: Image.Image) -> int:
    return (look_hash(a) ^ look_hash(b)).bit_count()


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_near_and_others_far(seed):
    picture = photograph(seed)
    assert differing(picture, picture.resize((160, 120), Image.Resampling.LANCZOS)) <= 4
    assert differing(picture, saved(picture, format="JPEG", quality=30)) <= 4
    assert differing(picture, photograph(seed + 100)) > 8


def test_nothing_to_see_has_no_hash():
    assert look_hash(Image.new("RGB", (64, 64), (200, 10, 10))) is None


def table(hashes: list[int | None], prefix: str) -> pa.Table:
    names = [f"{prefix}{number}" for number in range(len(hashes))]
    return pa.table({"look_hash": pa.array(hashes, pa.uint64()), "image_id": names})


def test_distances_are_counted_in_bits_and_known_records_left_alone():
    ours = table([0b0, 0b111111, 0b1111111, None, 2**64 - 1, 0b0], "t")
    held_out = {"train": ours, "val": table([0b0, None, 2**64 - 2], "v"), "train2": table([0b1111111], "x")}
    found = near_copies(ours, held_out, np.array([False] * 5 + [True]))
    assert found.rows_R.tolist() == [True, True, False, False, True, False]
    assert found.images == 3 and ("t4", "v2") in found.examples and ("t0", "v0") in found.examples


def test_without_a_held_out_split_nothing_is_near():
    ours = table([0b0], "t")
    assert not near_copies(ours, {"train": ours}, np.zeros(1, bool)).rows_R.any()


@pytest.mark.parametrize(("setting", "texts"), [("report", 8), ("drop", 7), ("ignore", 8)])
def test_prepare_reports_and_drops(prepared, tmp_path, setting, texts):  # noqa: F811
    """Eight photographs; that of a training row is one of val's at another quality."""
    folder = tmp_path / "my set, (1)=a/images"
    folder.mkdir(parents=True)
    images = []
    for number in range(1, 9):
        picture = photograph(2 if number == 5 else number)
        picture.save(folder / f"p{number}.jpg", quality=95 if number < 5 else 60)
        images.append({"id": number, "file_name": f"p{number}.jpg", "width": 320, "height": 240})
    run = prepared(annotations(), images, f"dataset.near_copies={setting}")
    assert run.code == 0, run.err
    print(run.out)
    assert rows(tmp_path) == texts
    assert ("look like held-out ones" in run.out) == (setting != "ignore")
