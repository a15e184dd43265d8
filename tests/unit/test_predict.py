"""`rollout.predict` with a backend of the test's own: what is asked, what is written, what is refused."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from omegaconf import DictConfig
from PIL import Image

from data.sample import decode_image
from polygon import Codec, Mask, UserError, rle_decode
from rollout import predict as module
from rollout.predict import predict
from rollout.request import Answer, Request

TRIANGLE = "[[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]]"
HEIGHT, WIDTH = 60, 80


class Scribe:
    """A backend that gives every request the same text."""

    def __init__(self) -> None:
        self.text, self.asked = TRIANGLE, list[Request]()

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]:
        for request in requests:
            self.asked.append(request)
            yield request, Answer(self.text, 7, "stop")


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Scribe:
    scribe = Scribe()
    monkeypatch.setattr(module, "open_backend", lambda config, folder, sampling: scribe)
    monkeypatch.setattr(module, "apply_environment", lambda config: None)
    return scribe


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "a dog.png"
    path.parent.mkdir()
    assert cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    return path


@pytest.fixture
def run(composed: Callable[..., DictConfig], tmp_path: Path, scribe: Scribe) -> Callable[..., Path]:
    """`run(image, *overrides)` predicts and returns the folder of what was written; `backend=openai` needs no model."""

    def run(image: Path, *overrides: str) -> Path:
        output = tmp_path / "out"
        config = composed("predict", "backend=openai", f"output={output}", *overrides)
        config.image = str(image)
        predict(config)
        return output

    return run


def record(folder: Path, name: str = "a dog.png") -> dict:
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("overrides", "text", "prompt", "region"),
    [
        (
            ["task=text2mask", "expression=the dog on the left"],
            TRIANGLE,
            "<image>Outline the dog on the left.",
            {"polygons": [[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]]},
        ),
        (["task=text2mask", "expression=dog"], "[]", "<image>Outline dog.", {"polygons": []}),
        (["task=text2box", "expression=dog"], "[0.1, 0.2, 0.3, 0.4]", "<image>Box dog.", {"box": [0.1, 0.2, 0.3, 0.4]}),
        (["task=text2point", "expression=dog"], "[0.5, 0.5]", "<image>Point at dog.", {"point": [0.5, 0.5]}),
        (["task=point2mask", "point=[0.4,0.6]"], "[]", "<image>Outline the object at [0.40, 0.60].", {"polygons": []}),
        (
            ["task=box2mask", "box=[0.1,0.2,0.3,1]"],
            "[]",
            "<image>Outline the object in the box [0.10, 0.20, 0.30, 1.00].",
            {"polygons": []},
        ),
        (
            ["task=point2mask", "point=[0.4,0.6]", "codec=default", "codec.integers=true"],
            "[[[250, 250], [750, 250], [750, 750]]]",
            "<image>Outline the object at [400, 600].",
            {"polygons": [[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]]},
        ),
        (["expression='{q}'", "question='Where is {q}?'"], "no idea", "<image>Where is {q}?", None),
        (
            ["expression=dog", "vlm=simpleseg_kimi_vl"],
            "[]",
            "<image>Output the polygon coordinates of dog in the image.",
            {"polygons": []},
        ),
    ],
)
def test_every_task_asks_and_writes(overrides, text, prompt, region, run, photo, scribe, capsys):
    scribe.text = text
    folder = run(photo, *overrides)
    assert [request.sample.prompt for request in scribe.asked] == [prompt]
    assert sorted(file.name for file in folder.iterdir()) == [
        "a dog.png.json",
        "a dog.png.overlay.png",
        "a dog.png.overlay.svg",
    ]
    found = record(folder)
    assert found["region"] == region
    assert (found["text"], found["tokens"], found["finish"], found["prompt"]) == (text, 7, "stop", prompt)
    assert (found["height"], found["width"], found["image"]) == (HEIGHT, WIDTH, str(photo))
    assert found["failure"] == (None if region else "no_answer")
    assert ("rle" in found) == ("polygons" in (region or {}))
    assert capsys.readouterr().out == f"{text}\n"


def test_overlays_show_what_is_scored(run, photo):
    folder = run(photo, "expression=dog")
    drawn_HW3 = decode_image((folder / "a dog.png.overlay.png").read_bytes())
    mask_HW = rle_decode(record(folder)["rle"])
    assert (
        mask_HW.sum() == Codec().rasterise(Mask((np.array([[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]),)), 60, 80).sum()
    )
    changed_HW = (drawn_HW3 != 90).any(axis=2)
    assert changed_HW[mask_HW].all()
    near_HW = cv2.dilate(mask_HW.view(np.uint8), np.ones((9, 9)))
    assert not changed_HW[near_HW == 0].any()

    svg = ElementTree.fromstring((folder / "a dog.png.overlay.svg").read_text())
    dots = [element for element in svg.iter() if element.tag.endswith("circle")]
    assert [(dot.get("cx"), dot.get("cy")) for dot in dots] == [
        ("20.00", "15.00"),
        ("60.00", "15.00"),
        ("60.00", "45.00"),
    ]
    assert float(dots[0].get("r")) > float(dots[1].get("r")), "the start stands out"
    (path,) = (element for element in svg.iter() if element.tag.endswith("path"))
    assert path.get("d") == "M20.00 15.00L60.00 15.00L60.00 45.00Z"
    (image,) = (element for element in svg.iter() if element.tag.endswith("image"))
    assert image.get("href").startswith("data:image/png;base64,")


def test_words_of_a_model_or_user_stay_words(run, photo, scribe, capsys):
    scribe.text = "\x1b[2J</title><script>alert(1)</script>"
    folder = run(photo, "expression='<script>&\x07'")
    svg = (folder / "a dog.png.overlay.svg").read_text()
    assert "<script" not in svg
    assert ElementTree.fromstring(svg)[0].text == "<script>&\ufffd"
    assert "\x1b" not in capsys.readouterr().out
    assert record(folder)["text"] == scribe.text


def test_a_telephones_photo_is_upright_and_shrunk_for_the_model_alone(run, tmp_path, scribe):
    path = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(np.full((600, 800, 3), 90, np.uint8)).save(path, exif=exif)
    folder = run(path, "expression=dog", "max_pixels=12000")
    found = record(folder, "phone.jpg")
    assert (found["height"], found["width"], found["notes"]) == (800, 600, ["rotated"])
    assert decode_image((folder / "phone.jpg.overlay.png").read_bytes()).shape == (800, 600, 3)
    assert scribe.asked[0].sample.pixels().shape == (126, 95, 3)
    assert (found["rle"]["size"], scribe.asked[0].sample.height) == ([800, 600], 800)
    run(path, "expression=dog", "max_pixels=null")
    assert scribe.asked[1].sample.pixels().shape == (800, 600, 3)


@pytest.mark.parametrize("size", [(1, 1), (2, 400), (3000, 15), (37, 53)])
def test_any_size(size, run, tmp_path, scribe):
    path = tmp_path / "odd.png"
    Image.new("L", (size[1], size[0])).save(path)
    folder = run(path, "expression=dog")
    assert decode_image((folder / "odd.png.overlay.png").read_bytes()).shape == (*size, 3)


def test_a_folder_names_what_it_cannot_read(run, photo, scribe, capsys):
    folder = photo.parent
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 and no more")
    (folder / "empty.png").touch()
    Image.new("RGB", (3, 1000)).save(folder / "thread.png")
    Image.new("CMYK", (40, 30)).save(folder / "print.tif")
    (folder / "notes.txt").write_text("no photo")
    (folder / "old.png.overlay.png").touch()
    written = run(folder, "expression=dog")
    assert {Path(request.sample.sample_id).name for request in scribe.asked} == {"a dog.png", "print.tif"}
    said = capsys.readouterr()
    assert said.out == f"a dog.png: {TRIANGLE}\nprint.tif: {TRIANGLE}\n"
    for name in ("broken.jpg", "empty.png", "thread.png"):
        assert re.search(rf"^left out: undecodable_image: .*{name}", said.err, flags=re.MULTILINE)
    assert len(list(written.iterdir())) == 6


def test_draws_do_not_overwrite_each_other(run, photo, scribe):
    folder = run(photo, "expression=dog", "draws=2", "temperature=1")
    assert {file.name for file in folder.glob("*.json")} == {"a dog.png.0.json", "a dog.png.1.json"}
    assert len({request.seed for request in scribe.asked}) == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["expression=null"], "task=text2mask needs expression; expression=WORDS"),
        (["expression=dog", "task=mix"], "task is a mix of text2mask, text2box, "),
        (["expression=dog", "point=[0.1,0.1]"], "task=text2mask is not asked with point; expression=WORDS"),
        (["task=point2mask"], "task=point2mask needs point; point=[0.4,0.6]"),
        (["task=point2mask", "point=[1.4,0.6]"], "point=[1.4, 0.6]: give 2 fractions of width and height from 0 to 1"),
        (["task=point2mask", "point=[a,b]"], "point=['a', 'b']: give 2 fractions"),
        (["task=point2mask", "point=5"], "point=5: give 2 fractions"),
        (["task=box2mask", "box=[0.4,0.4,0.1,0.9]"], "left comes before right"),
        (["expression=dog", "question=Where?"], "question='Where?' has to hold {q} once"),
        (["expression='a <image>'"], "expression=a <image> holds a mark that models are told of images with"),
        (["expression='<|image_pad|>'"], "expression=<|image_pad|> holds a mark"),
        (["expression=dog", "max_pixels=0"], "max_pixels is 0; it is a whole number from 1, or null"),
        (["expression=dog", "temperature=3"], "temperature is 3; it is a number from 0 (greedy) to 2"),
        (["expression=dog", "limit=0"], "limit is 0; it is a whole number from 1, or null"),
    ],
)
def test_settings_that_do_not_fit_are_named(overrides, message, run, photo, scribe):
    with pytest.raises(UserError, match=re.escape(message)):
        run(photo, *overrides)
    assert not scribe.asked


def test_photos_that_are_not_there(run, tmp_path, scribe):
    (tmp_path / "nothing").mkdir()
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"GIF89a")
    for image, message in (
        (tmp_path / "no.jpg", "no such file or folder; name a photo"),
        (tmp_path / "nothing", "there is no photo in this folder"),
        (broken, r"no photo can be read \(undecodable_image: .*broken\.jpg: .*\); give another"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            run(image, "expression=dog")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written(run, photo, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write .*out.*; choose another output"):
        run(photo, "expression=dog")
