"""Answers as COCO results, LabelMe and SVG: what other tools would read there is what was answered."""

import base64
import json
import os
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from data.rows import PreparedRows, PreparedSample, read_samples
from evaluation.export import EXPORTS, main
from evaluation.exports.exported import Exported, exported
from evaluation.exports.labelme import file_name
from evaluation.inputs.reader import read_inputs
from evaluation.prediction import Prediction, write_predictions
from polygon import Box, Codec, Mask, Point, UserError, format_region, mask_iou, rle_decode, rle_encode

CODEC = Codec()


@pytest.fixture(scope="module")
def split(data_root: Path) -> PreparedRows:
    return read_samples(data_root, "shapes", "val")


@pytest.fixture(scope="module")
def samples(split: PreparedRows) -> list[PreparedSample]:
    return list(split)


@pytest.fixture(scope="module")
def gold(samples: list[PreparedSample]) -> list[Prediction]:
    """The ground truth as text, and for the last sample as run lengths with a score."""
    texts = [Prediction(sample.sample_id, CODEC.text(sample.target().mask)) for sample in samples[:-1]]
    return [*texts, Prediction(samples[-1].sample_id, rle=samples[-1].rle, score=0.25)]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """`write(to, answers)` exports; the path of what was written."""

    def write(to: str, answers: Iterable[Exported], codec: Codec = CODEC, left_out: Counter[str] | None = None) -> Path:
        output = tmp_path / to
        EXPORTS[to](answers, output, codec, Counter() if left_out is None else left_out)
        return output

    return write


def answers(predictions: Iterable[Prediction], samples: Iterable[PreparedSample], **settings) -> Iterable[Exported]:
    settings = {"codec": CODEC, "draw": 0, "answers": "all", "left_out": Counter()} | settings
    return exported(predictions, samples, settings.pop("codec"), **settings)


def test_coco_results_are_coco_s_and_read_back(gold, samples, split, write):
    file = write("coco", answers(gold, samples))
    truth = COCO()
    truth.dataset = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "target"}]}
    for number, sample in enumerate(samples, start=1):
        truth.dataset["images"].append({"id": sample.image_id, "height": 128, "width": 128})
        area = int(rle_decode(sample.rle).sum())
        annotation = {"id": number, "image_id": sample.image_id, "category_id": 1, "area": area, "iscrowd": 0}
        truth.dataset["annotations"].append(annotation | {"segmentation": sample.rle, "bbox": [0, 0, 1, 1]})
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(str(file)), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[1] == 1.0, "AP50"

    for prediction, sample, sent in zip(read_inputs(file, "coco", split), samples, gold, strict=True):
        assert prediction.sample_id == sample.sample_id
        assert prediction.rle == sample.rle or mask_iou(rle_decode(prediction.rle), rle_decode(sample.rle)) > 0.95
        assert prediction.score == (sent.score or 1.0)
    rows = json.loads(file.read_text())
    ys, xs = np.nonzero(rle_decode(samples[-1].rle))
    assert rows[-1]["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]


def test_coco_names_photographs_as_coco_does(samples, write):
    numbered = replace(samples[0], image_id="coco/000000000042")
    (row,) = json.loads(write("coco", [Exported(numbered, Box(0, 0, 0.5, 0.25), None, None)]).read_text())
    assert row == {
        "image_id": 42,
        "category_id": 1,
        "ann_id": numbered.ann_id,
        "bbox": [0.0, 0.0, 64.0, 32.0],
        "score": 1.0,
        "sample_id": numbered.sample_id,
    }


def test_what_has_no_place_is_counted(gold, samples, write):
    left_out: Counter[str] = Counter()
    predictions = [
        Prediction(samples[0].sample_id, "[]"),
        Prediction(samples[1].sample_id, "no idea"),
        Prediction(samples[2].sample_id, "[]", draw=1),
        *gold[4:],
    ]
    rows = json.loads(write("coco", answers(predictions, samples, left_out=left_out), left_out=left_out).read_text())
    assert [row["sample_id"] for row in rows] == [sample.sample_id for sample in samples[4:]]
    assert left_out == {"empty masks": 1, "unreadable": 1, "without an answer": 2}
    point = Exported(samples[0], Point(0.5, 0.5), None, None)
    assert json.loads(write("coco", [point], left_out=left_out).read_text()) == []
    assert left_out["points"] == 1


def test_answers_are_read_in_the_codecs_numbers(samples):
    ours, whole = [], []
    for found, codec in ((ours, CODEC), (whole, Codec(integers=True))):
        texts = [Prediction(sample.sample_id, codec.text(sample.target().mask)) for sample in samples]
        found += [answer.region for answer in answers(texts, samples, codec=codec)]
    assert ours == whole
    assert max(ring_N2.max() for mask in ours for ring_N2 in mask.polygons) > 0.5


def test_answers_have_to_be_there(samples, write, tmp_path):
    with pytest.raises(UserError, match=r"no answer to export: 1 unreadable, 5 without an answer; check predictions"):
        write("coco", answers([Prediction(samples[0].sample_id, "no idea")], samples))
    assert not list(tmp_path.iterdir())
    small = Prediction(samples[0].sample_id, rle=rle_encode(np.ones((4, 4), bool)))
    with pytest.raises(UserError, match=r"a mask of size \[4, 4\], its image is 128 x 128 px"):
        list(answers([small], samples))


def painted(shape: dict, size: tuple[int, int]) -> np.ndarray:
    """A shape as LabelMe rasterises it (labelme/utils/shape.py)."""
    mask_HW = np.zeros(size, bool)
    if shape["shape_type"] == "mask":
        (x0, y0), (x1, y1) = np.array(shape["points"]).astype(int)
        png = np.frombuffer(base64.b64decode(shape["mask"]), np.uint8)
        mask_HW[y0 : y1 + 1, x0 : x1 + 1] = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE).astype(bool)
        return mask_HW
    canvas = Image.new("L", size[::-1])
    ImageDraw.Draw(canvas).polygon([tuple(point) for point in shape["points"]], outline=1, fill=1)
    return np.array(canvas).astype(bool)


def test_labelme_draws_the_same_masks(gold, samples, write):
    folder = write("labelme", answers(gold, samples))
    assert len(list(folder.glob("*.json"))) == len(samples)
    for sample in samples:
        content = json.loads((folder / f"{file_name(sample.image_id, {})}.json").read_text())
        assert (content["imageHeight"], content["imageWidth"]) == (128, 128)
        assert (folder / content["imagePath"]).read_bytes() == sample.image_bytes()
        masks = [painted(shape, (128, 128)) for shape in content["shapes"]]
        assert mask_iou(np.logical_or.reduce(masks), sample.target().mask) > 0.9
        assert {shape["label"] for shape in content["shapes"]} == {sample.expression}


def test_labelme_keeps_holes_and_puts_the_answers_of_a_photo_together(samples, write, tmp_path):
    ring_HW = np.zeros((128, 128), bool)
    ring_HW[20:60, 30:90] = True
    ring_HW[30:50, 40:80] = False
    first = replace(samples[0], image=str(tmp_path / "photos" / "a.png"), image_id="mine/a b")
    second = replace(first, expression=None, sample_id="mine/2")
    two = Mask((np.array([[0, 0], [0.2, 0], [0.2, 0.2]]), np.array([[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]])))
    folder = write(
        "labelme",
        [
            Exported(first, CODEC.encode(ring_HW), None, None),
            Exported(second, two, None, None),
            Exported(first, Box(0.1, 0.2, 0.3, 0.4), None, None),
            Exported(first, Point(0.5, 0.25), None, None),
        ],
    )
    (file,) = folder.iterdir()
    assert file.name == "mine_a_b.json"
    content = json.loads(file.read_text())
    assert (content["imagePath"], content["imageData"]) == (os.path.join("..", "photos", "a.png"), None)
    hole, part, other, box, point = content["shapes"]
    assert (painted(hole, (128, 128)) == ring_HW).all()
    assert [shape["group_id"] for shape in content["shapes"]] == [0, 1, 1, 2, 3]
    assert [shape["shape_type"] for shape in (part, other, box, point)] == ["polygon", "polygon", "rectangle", "point"]
    assert (part["label"], box["points"], point["points"]) == (
        "text2mask",
        [[12.8, 25.6], [38.4, 51.2]],
        [[64.0, 32.0]],
    )


def test_svg_is_a_drawing_a_sample(gold, samples, write):
    folder = write("svg", answers(gold, samples))
    assert len(list(folder.iterdir())) == len(samples)
    for sample in samples:
        root = ElementTree.fromstring((folder / f"{file_name(sample.sample_id, {})}.svg").read_text())
        assert root[0].text == sample.expression
        assert root.get("viewBox") == "0 0 128 128"
        assert any(element.tag.endswith("path") for element in root.iter())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["output=null"], "output is not set: predictions=FILE output=FILE, or a folder for LabelMe and SVG"),
        (["to=xml"], "to=xml is unknown; known: coco, labelme, svg"),
        (["format=xml"], "format='xml' is unknown; known: ours, "),
        (["answers=some"], "answers is 'some'; it can be all or first"),
        (["draw=-1"], "draw is -1; it is a whole number from 0"),
        (["split=dev"], "has no split 'dev'"),
        ([], "rows; 5 without an answer"),
    ],
)
def test_the_command(arguments, message, ended, data_root, samples, tmp_path):
    file = tmp_path / "answers.jsonl"
    write_predictions(file, [Prediction(samples[0].sample_id, format_region(CODEC.encode(samples[0].target().mask)))])
    settings = [f"predictions={file}", f"data_root={data_root}", f"output={tmp_path}/results.json", *arguments]
    done = ended(main, "export", *settings)
    if arguments:
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert done.err.startswith("error: ")
        assert message in done.err
        assert not (tmp_path / "results.json").exists()
    else:
        assert (done.code, done.err) == (0, "")
        assert message in done.out
