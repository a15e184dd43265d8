"""ReasonSeg's layout: polygons painted from large to small, ignored regions, odd files; scored as LISA does."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from data.prepare import main as prepare
from data.problems import BadRow
from data.reason_seg import ReasonSeg, paint
from data.rows import read_samples
from evaluation import Prediction, evaluate
from evaluation.conventions import Conventions
from evaluation.statistics.scores import estimate
from polygon import Codec, UserError, rle_decode, rle_encode
from rewards.iou import MaskIoU
from rewards.response import Response

HEIGHT, WIDTH = 40, 60


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def shape(label: str, points: list) -> dict:
    return {"label": label, "labels": [label], "shape_type": "polygon", "image_name": "x.jpg", "points": points}


TARGET, IGNORE = shape("target", square(5.7, 5.2, 20)), shape("ignore", square(10, 10, 5))


def write(root, split: str, name: str, shapes: list, encoding="utf-8", text=("What is warm?", "the stove"), **more):
    folder = root / split
    folder.mkdir(parents=True, exist_ok=True)
    shade = 40 + sum(map(ord, name)) % 200
    cv2.imwrite(str(folder / f"{name}.jpg"), np.full((HEIGHT, WIDTH, 3), shade, np.uint8))
    content = {"text": list(text), "is_sentence": True, "shapes": shapes, **more}
    (folder / f"{name}.json").write_bytes(json.dumps(content, ensure_ascii=False).encode(encoding))


def source(root, **options) -> ReasonSeg:
    return ReasonSeg.from_config({"name": "reason_seg", "root": str(root), **options})


def drawn(*rings) -> np.ndarray:
    """PIL's own polygons, border included, of whole pixels."""
    picture = Image.new("1", (WIDTH, HEIGHT))
    for ring in rings:
        ImageDraw.Draw(picture).polygon([(int(x), int(y)) for x, y in ring], fill=1, outline=1)
    return np.asarray(picture)


def test_small_polygons_lie_on_top_whatever_their_order():
    for shapes in ([TARGET, IGNORE], [IGNORE, TARGET]):
        target_HW, ignored_HW = paint(shapes, HEIGHT, WIDTH)
        assert np.array_equal(ignored_HW, drawn(square(10, 10, 5)))
        assert np.array_equal(target_HW, drawn(square(5, 5, 20)) & ~ignored_HW)
    small = shape("target", square(12, 12, 2))
    target_HW, _ = paint([small, IGNORE], HEIGHT, WIDTH)
    assert np.array_equal(target_HW, drawn(square(12, 12, 2)))
    assert not paint([shape("flag", square(0, 0, 5))], HEIGHT, WIDTH)[0].any()


def test_from_files_to_the_score(tmp_path, ended):
    root = tmp_path / "set"
    for split in ("train", "val", "test"):
        write(root, split, f"{split}a", [TARGET, IGNORE])
        write(root, split, f"{split}b", [TARGET], encoding="cp1252", text=["Where is the café?"])
    run = ended(
        prepare, "prepare", "dataset=reason_seg", f"dataset.source.root={root}", "codec=default", "card=null",
        "workers=1", f"data_root={tmp_path}",
    )  # fmt: skip
    assert run.code == 0, run.err
    samples = sorted(read_samples(tmp_path, "reason_seg", "val"), key=lambda each: each.ann_id)
    assert [each.expression for each in samples] == ["What is warm?", "Where is the café?"]
    assert samples[0].prompt.startswith("<image>What is warm? ") and samples[0].prompt.endswith("it.")
    target = samples[0].target()
    whole = drawn(square(5, 5, 20))
    assert np.array_equal(target.mask | ~target.counted, whole) and target.ignored is not None
    assert samples[1].ignored is None

    predictions = [Prediction(each.sample_id, "", rle=rle_encode(whole)) for each in samples]
    scores = evaluate(predictions, samples, Codec(), conventions=Conventions(name="lisa")).tasks["text2mask"]
    assert estimate([scores], "gIoU").value == estimate([scores], "cIoU").value == 1.0

    codec = Codec(precision=3)
    response = Response(codec.text(whole), target, codec)
    assert MaskIoU().score(response, target) == pytest.approx(1.0, abs=0.02)
    assert np.count_nonzero(response.painted) > np.count_nonzero(response.mask)
    assert not (rle_decode(target.rle) & ~target.counted).any()


def test_all_texts_of_an_image(tmp_path):
    write(tmp_path, "val", "a", [TARGET])
    assert source(tmp_path).records("val")[0].expressions == ("What is warm?",)
    assert source(tmp_path, texts="all").records("val")[0].expressions == ("What is warm?", "the stove")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "bad_annotation"), ("[]", "bad_annotation"), ('{"text": ["a"]}', "bad_annotation"),
        ('{"text": ["a"], "shapes": [{"label": "target", "points": [[0, 1e99], [2, 3], [4, 5]]}]}', "bad_annotation"),
        ('{"text": ["a"], "shapes": [{"label": "target", "points": [[0, 1], [2]]}]}', "bad_annotation"),
        ('{"text": ["a"], "shapes": [{"label": "target", "points": "abc"}]}', "bad_annotation"),
        ('{"text": ["a"], "shapes": [{"label": "target", "points": []}]}', "bad_annotation"),
        ('{"text": ["a"], "shapes": []}', "empty_mask"), ('{"text": [], "shapes": []}', "no_expression"),
        ('{"text": null, "shapes": 5}', "bad_annotation"), ("\x81\x8d", "bad_annotation"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_a_bad_row(tmp_path, content, reason):
    write(tmp_path, "val", "a", [TARGET])
    (tmp_path / "val/a.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadRow) as found:
        source(tmp_path).checked("val", 0, "text2mask")
    assert found.value.reason == reason


def test_a_missing_photograph_and_a_wrong_folder(tmp_path):
    write(tmp_path, "val", "a", [TARGET])
    (tmp_path / "val/a.jpg").unlink()
    with pytest.raises(BadRow, match="missing_image"):
        source(tmp_path).checked("val", 0, "text2mask")
    with pytest.raises(
        UserError, match=r"has no folder with a json; dataset\.source\.root: name the folder with train/"
    ):
        source(tmp_path / "val")
