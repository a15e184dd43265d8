"""`rollout.predict` with the committed model: every task, photos of every size, and a grammar."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from data.rows import PreparedSample, read_samples
from polygon import mask_iou, rle_decode
from rollout import predict as module

NUMBER = r"(0\.\d\d|1\.00)"


@pytest.fixture(scope="module")
def scenes(data_root: Path) -> list[PreparedSample]:
    return list(read_samples(data_root, "shapes", "test"))


@pytest.fixture
def photo(scenes: list[PreparedSample], tmp_path: Path) -> Path:
    """A scene asked about in the first of our wordings, as `rollout.predict` does."""
    path = tmp_path / "scene.png"
    path.write_bytes(outlined(scenes).image_bytes())
    return path


def outlined(scenes: list[PreparedSample]) -> PreparedSample:
    return next(scene for scene in scenes if scene.prompt.startswith("<image>Outline "))


@pytest.fixture
def predict(repo_root: Path, tmp_path: Path) -> Callable[..., dict[str, dict]]:
    """Answer with transformers in this process; the records that were written, by the photo's name."""

    def predict(*overrides: str) -> dict[str, dict]:
        with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
            config = compose("predict", [f"output={tmp_path}/out", *overrides])
        config.vlm.path = str(repo_root / config.vlm.path)
        module.predict(config)
        return records(tmp_path / "out")

    return predict


def records(folder: Path) -> dict[str, dict]:
    return {file.name.removesuffix(".json"): json.loads(file.read_text()) for file in folder.glob("*.json")}


def test_the_command_answers_as_generate_does(command, photo, scenes, data_root, tmp_path):
    scene, answers = outlined(scenes), tmp_path / "answers.jsonl"
    command("rollout.generate", "backend=transformers", "split=test", f"data_root={data_root}", f"output={answers}")
    texts = {row["sample_id"]: row["text"] for row in map(json.loads, answers.read_text().splitlines())}
    said = command("rollout.predict", f"image={photo}", f"expression={scene.expression}", f"output={tmp_path}/out")
    found = records(tmp_path / "out")["scene.png"]
    assert (found["prompt"], found["text"]) == (scene.prompt, texts[scene.sample_id])
    assert found["text"] in said.splitlines()


@pytest.mark.parametrize("task", ["text2box", "text2point", "point2mask", "box2mask"])
def test_every_task_is_answered(task, predict, photo, scenes):
    scene = outlined(scenes)
    x0, y0, x1, y1 = scene.box
    asked = {"text": f"expression={scene.expression}", "box": f"box=[{x0},{y0},{x1},{y1}]"}
    asked["point"] = f"point=[{(x0 + x1) / 2},{(y0 + y1) / 2}]"
    found = predict(f"image={photo}", f"task={task}", asked[task.partition("2")[0]])["scene.png"]
    kind = {"mask": "polygons"}.get(task.partition("2")[2], task.partition("2")[2])
    assert list(found["region"] or {}) == [kind], found["text"]
    if task == "box2mask":
        assert mask_iou(rle_decode(found["rle"]), scene.target().mask) > 0.3


def test_photos_of_any_size(predict, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0)
    sizes = [(1, 1), (3, 600), (2000, 10), (97, 331), (3000, 4000)]
    for height, width in sizes:
        pixels_HW3 = noise.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels_HW3).save(folder / f"{height} {width}.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels_HW3[:300, :400]).save(folder / "400 300.jpg", exif=exif)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    found = predict(f"image={folder}", "expression=the dog on the left of the very old green tree and not the cat")
    assert len(found) == len(sizes) + 1
    assert all(f"{record['height']} {record['width']}" == Path(name).stem for name, record in found.items())


def test_a_grammar_holds_what_is_sampled(command, photo, tmp_path):
    """Twice the temperature writes nonsense; what is left is a box, if not one whose corners are in order."""
    settings = ("backend=vllm", "grammar=true", "temperature=2", "draws=4", "task=text2box", "expression=a thing")
    command("rollout.predict", f"image={photo}", f"output={tmp_path}/out", *settings)
    texts = [record["text"] for record in records(tmp_path / "out").values()]
    assert len(texts) == 4
    assert all(re.fullmatch(rf"\[{NUMBER}(, {NUMBER}){{3}}\]", text) for text in texts), texts
