"""Files of answers, ours and others', as predictions: formats by name, and rows that cannot be used."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.rows import PreparedRows, PreparedSample, read_samples
from evaluation.inputs.notation import NOTATIONS
from evaluation.inputs.reader import FORMATS, Inputs, read_inputs
from evaluation.inputs.sample_facts import read_facts
from polygon import Box, Codec, Mask, Point, UserError, parse, rle_decode


@pytest.fixture(scope="module")
def split(data_root: Path) -> PreparedRows:
    """Six samples of 128 x 128 px, each asking for a mask."""
    return read_samples(data_root, "shapes", "val")


@pytest.fixture(scope="module")
def samples(split: PreparedRows) -> list[PreparedSample]:
    return list(split)


@pytest.fixture
def read(split: PreparedRows, tmp_path: Path) -> Callable[..., Inputs]:
    """`read(rows, format)` writes the rows, a str as it is, and opens them."""

    def read(rows: list | str, format: str, **settings) -> Inputs:
        file = tmp_path / "answers"
        file.write_text(rows if isinstance(rows, str) else "\n".join(json.dumps(row) for row in rows))
        return read_inputs(file, format, split, **settings)

    return read


def region(text: str, kind: str) -> object:
    return parse(text, kind).region


def test_facts_are_read_without_images(split, samples):
    facts = read_facts(split.files)
    assert list(facts) == [sample.sample_id for sample in samples]
    first = facts[samples[0].sample_id]
    assert (first.kind, first.height, first.width, first.image_id) == ("mask", 128, 128, samples[0].image_id)
    assert len(read_facts(split.files, limit=2)) == 2


def test_ours_passes_through(read, samples):
    rows = [{"sample_id": samples[0].sample_id, "text": "[0.1, oops", "tokens": 3, "finish": "length", "draw": 1}]
    (prediction,) = read(rows, "ours")
    assert vars(prediction) | rows[0] == vars(prediction)


BOX = Box(0.125, 0.25, 0.5, 0.75)
RING = np.array([[0.125, 0.25], [0.5, 0.25], [0.5, 0.75]])


@pytest.mark.parametrize(
    ("format", "text", "kind", "expected"),
    [
        ("pixels", "[16, 32, 64, 96]", "box", BOX),
        ("pixels", "It is at [16, 32, 64, 96].", "box", BOX),
        ("pixels", "[64, 32]", "point", Point(0.5, 0.25)),
        ("pixels", "[[[16, 32], [64, 32], [64, 96]]]", "mask", Mask((RING,))),
        ("pixels", "[]", "mask", Mask()),
        ("pixels", "[[[16, 32], [64, 32], [64, 96], [7", "mask", Mask((RING,))),
        ("pixels", "[-5, 0, 500, 128]", "box", Box(0.0, 0.0, 1.0, 1.0)),
        ("norm1000", "[125, 250, 500, 750]", "box", BOX),
        ("norm1000", "<box>[[125, 250, 500, 750]]</box>", "box", BOX),
        ("json", '```json\n{"bbox": [0.125, 0.25, 0.5, 0.75]}\n```', "box", BOX),
        ("json_pixels", 'Sure:\n```json\n[{"bbox_2d": [16, 32, 64, 96], "label": "dog [1]"}]\n```', "box", BOX),
        ("json_pixels", '[{"bbox_2d": [16, 32, 64, 96]}]', "box", BOX),
        ("json_pixels", '```json\n[{"bbox_2d": [16, 32, 64, 96], "label": "do', "box", BOX),
        ("json_pixels", '{"point_2d": [64, 32], "bbox": [1, 1, 2, 2]}', "point", Point(0.5, 0.25)),
        ("json_pixels", '{"polygon": [[16, 32], [64, 32], [64, 96]]}', "mask", Mask((RING,))),
        ("json_norm1000", '{"segmentation": [[125, 250, 500, 250, 500, 750]]}', "mask", Mask((RING,))),
        ("json_norm1000", '[{"a": [[125,250],[500,250],[500,750]]}, {"a": [[125,250],[500,250],[500,750]]}]', "mask",
         Mask((RING, RING))),
        ("json_norm1000", "```json\n[]\n```", "mask", Mask()),
    ],
)  # fmt: skip
def test_notations_of_others(format, text, kind, expected):
    assert region(NOTATIONS[format].to_ours(text, 128, 128), kind) == expected


@pytest.mark.parametrize(
    ("format", "text", "kind", "failure"),
    [
        ("json_pixels", "There is no dog.", "box", "no_answer"),
        ("json_pixels", '{"bbox_2d": null}', "box", "no_answer"),
        ("json_pixels", '{"bbox_2d": [16, 32, 64, 96]}', "mask", "wrong_kind"),
        ("json_pixels", '{"bbox_2d": [true, false, true, true]}', "box", "bad_number"),
        ("json", "[" * 60_000, "mask", "no_answer"),
        ("pixels", "[1e999, 2, 3, 4]", "box", "bad_number"),
        ("pixels", "[1, 2, 3, 4]" * 10_000, "box", "too_large"),
        ("norm1000", "", "mask", "empty"),
    ],
)
def test_failures_keep_their_cause(format, text, kind, failure):
    answer = parse(NOTATIONS[format].to_ours(text, 128, 128), kind)
    assert (answer.region, answer.failure) == (None, failure)


def test_sides_are_not_mixed_up():
    assert region(NOTATIONS["pixels"].to_ours("[20, 10, 40, 30]", 40, 80), "box") == Box(0.25, 0.25, 0.5, 0.75)
    assert region(NOTATIONS["json_pixels"].to_ours('{"p": [20, 10]}', 40, 80), "point") == Point(0.25, 0.25)


def test_a_row_may_say_what_size_the_model_saw(read, samples):
    name = samples[0].sample_id
    seen = {"sample_id": name, "text": "[32, 32, 64, 64]", "width": 64, "height": 128}
    (resized,), (own,) = (
        list(read([row], "pixels")) for row in (seen, {"sample_id": name, "text": "[32, 32, 64, 64]"})
    )
    assert region(resized.text, "box") == Box(0.5, 0.25, 1.0, 0.5)
    assert region(own.text, "box") == Box(0.25, 0.25, 0.5, 0.5)


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "coco"])
def test_bad_rows_are_counted_and_named(format, read, samples):
    good = {"sample_id": samples[0].sample_id, "text": "[]"}
    lines = [json.dumps(good), "{torn", "[1, 2]", '{"text": "[]"}', json.dumps(good | {"colour": 1}), "", "[" * 9999]
    inputs = read("\n".join(lines), format)
    assert [prediction.sample_id for prediction in inputs] == [samples[0].sample_id]
    assert inputs.bad.counts == {"bad_row": 5}
    frame = NOTATIONS[format].frame
    unit = {"coordinates": frame.in_words()} if frame else {}
    assert inputs.in_words() == {"format": format, **unit, "unusable": inputs.bad.in_words()}
    assert inputs.bad.in_words().startswith("5 rows left out: 5 bad_row (line 2: not JSON")
    assert "line 4: sample_id must be a non-empty string" in inputs.bad.in_words()
    assert inputs.bad.in_words().endswith("; ...)")
    assert len(list(inputs)) == 1, "a second pass reads the file again"
    assert inputs.bad.counts.total() == 5


def test_pixels_of_a_sample_that_is_not_there(read, samples):
    rows = [{"sample_id": "who", "text": "[1, 2]"}, {"sample_id": samples[0].sample_id, "text": "[1, 2]", "width": 0}]
    good = {"sample_id": samples[0].sample_id, "text": "[1, 2]"}
    inputs = read([*rows, good], "pixels")
    assert len(list(inputs)) == 1
    assert inputs.bad.counts == {"unknown_sample": 1, "bad_row": 1}
    assert "line 2: height and width must both be whole numbers" in inputs.bad.in_words()


def test_masks_have_to_fill_their_image(read, samples):
    sample_id, rle = samples[0].sample_id, samples[0].rle
    bad = [rle | {"counts": ""}, rle | {"size": [128, 64]}, rle | {"counts": "é"}, rle | {"size": [128]}]
    rows = [{"sample_id": sample_id, "rle": each} for each in (rle, *bad)] + [{"sample_id": "who", "rle": rle}]
    inputs = read(rows, "ours")
    assert [(found.sample_id, found.rle) for found in inputs] == [(sample_id, rle), ("who", rle)]
    assert inputs.bad.counts == {"bad_mask": 4}
    assert f"(line 2: run lengths that do not fill the image of '{sample_id}'; line 3: " in inputs.bad.in_words()


def test_what_cannot_be_opened(read, split, tmp_path):
    with pytest.raises(UserError, match=r"format='xml' is unknown; known: ours, pixels, norm1000, json, .*, coco"):
        read([], "xml")
    with pytest.raises(UserError, match="no predictions file"):
        read_inputs(tmp_path / "nothing", "ours", split)
    with pytest.raises(UserError, match=r"has no row of format=ours \(line 1: not JSON .*\); formats: ours, "):
        list(read("nonsense", "ours"))
    with pytest.raises(UserError, match=r"has no row of format=ours; formats"):
        list(read("", "ours"))


def test_coco_results_through_the_door(read, split, samples):
    found = {"image_id": samples[0].image_id, "segmentation": samples[0].rle, "bbox": [16, 32, 48, 64], "score": 0.5}
    inputs = read(json.dumps([found, {"image_id": "elsewhere", "bbox": [1, 2, 3, 4]}]), "coco")
    assert [each.sample_id for each in inputs] == [sample.sample_id for sample in samples]
    assert next(iter(inputs)).rle == samples[0].rle
    assert inputs.in_words()["unusable"].startswith("1 row left out: 1 unknown_image (row 2: ")
    text = json.dumps([found])
    assert len(list(read(text, "coco", limit=1))) == 1
    boxes = read(text, "coco", kind="box")
    assert parse(next(iter(boxes)).text, "box").region == BOX, "scored as a box, it is the row's own"
    for settings, message in (
        ({"keep": "some"}, r"coco\.keep is 'some'; it can be best or all"),
        ({"min_score": "x"}, r"coco\.min_score is 'x'; it is a number"),
        ({"best": 1}, "coco has no setting 'best': it has categories, images, keep, min_score"),
    ):
        with pytest.raises(UserError, match=message):
            read(text, "coco", coco=settings)


def answers(samples: list[PreparedSample], *texts: str) -> list[dict]:
    return [{"sample_id": samples[0].sample_id, "text": text, "draw": draw} for draw, text in enumerate(texts)]


PIXELS, FRACTIONS, THOUSANDTHS = "[16, 32, 64, 96]", "[0.125, 0.25, 0.5, 0.75]", "[125, 250, 500, 750]"


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        (
            "pixels",
            FRACTIONS,
            r"format=pixels reads pixels .*, but the numbers of 3 of 3 .* lie between 0 and 1 \(line 1:",
        ),
        ("qwen2_5_vl", FRACTIONS, r"\(line 1: 0\.125 to 0\.75\): they are fractions of the sides; give format=json"),
        ("norm1000", FRACTIONS, r"reads 0 to 1000 along each side, but .* give format=json"),
        ("gemini", FRACTIONS, r"reads 0 to 1000 along each side, y first, but .* give format=json"),
        (
            "kimi_vl",
            PIXELS,
            r"reads fractions of a side, but 3 of 3 answers reach beyond the image \(line 1: 16 to 96\)",
        ),
        ("json", THOUSANDTHS, r"beyond the image .*: are they thousandths\? give format=norm1000"),
        ("norm1000", "[125, 250, 1500, 1750]", r"beyond the image .*: are they pixels\? give format=pixels"),
        ("pixels", THOUSANDTHS, r"beyond the image .* format=norm1000 reads thousandths"),
        (
            "pixels",
            "[100, 90, 20, 30]",
            r"boxes of 3 of 3 answers end left of or above .*\(first line 1\): are they x, y,",
        ),
        ("qwen2_5_vl", THOUSANDTHS, r"beyond the image .* set resize\.min_pixels and resize\.max_pixels"),
    ],
)
def test_numbers_in_another_unit_are_refused(format, text, message, read, samples):
    with pytest.raises(UserError, match=message) as caught:
        list(read(answers(samples, text, text, text), format))
    assert "\n" not in str(caught.value)
    assert len(list(read(answers(samples, text, text, text), format, check_units=False))) == 3


def test_one_odd_answer_is_the_models(read, samples):
    inputs = read(answers(samples, *[PIXELS] * 19, "[-9, 0, 999, 128]"), "pixels")
    assert len(list(inputs)) == 20
    assert inputs.in_words()["beyond"] == "1 of 20 answers reach beyond the image (line 20: -9 to 999)"
    zeros = read(answers(samples, "[0, 0, 0, 0]", "[0, 0, 1, 1]", "[]", "none"), "pixels")
    assert len(list(zeros)) == 4, "zeros and ones say nothing of their unit"


def test_others_numbers_in_our_format_are_told(read, samples):
    inputs = read(answers(samples, PIXELS, PIXELS, FRACTIONS), "ours")
    assert len(list(inputs)) == 3
    assert inputs.in_words()["beyond"].startswith("2 of 3 answers reach beyond the image (line 1: 16 to 96); ours are")
    inputs.reading(Codec(integers=True))
    assert "beyond" not in inputs.in_words(), "whole numbers are this codec's"
    near = read(answers(samples, FRACTIONS), "ours")
    assert len(list(near)) == 1
    assert near.in_words() == {"format": "ours"}


def test_what_could_not_be_read_is_in_the_header(read, samples):
    texts = ['{"bbox_2d": [1, 2, 3, 4, 5]}', '{"bbox_2d": [10, 20, 30]}', PIXELS]
    inputs = read(answers(samples, *texts), "json_pixels")
    assert [parse(each.text, "box").failure for each in inputs] == ["bad_number", "bad_number", None]
    assert inputs.in_words()["unread"] == (
        "2 answers with what cannot be read: 2 numbers (line 1: a list of 5 numbers, neither point, box nor ring; "
        "line 2: a list of 3 numbers, neither point, box nor ring)"
    )


def test_a_mask_as_an_image_answers_where_masks_are_asked_for(read, samples):
    full = base64.b64encode(cv2.imencode(".png", np.full((8, 8), 255, np.uint8))[1].tobytes()).decode()
    text = json.dumps([{"box_2d": [250, 0, 500, 1000], "mask": f"data:image/png;base64,{full}"}])
    (mask,) = read(answers(samples, text), "gemini")
    assert np.array_equal(np.argwhere(rle_decode(mask.rle).any(axis=1)).ravel(), np.arange(32, 64))
    (box,) = read(answers(samples, text), "gemini", kind="box")
    assert parse(box.text, "box").region == Box(0.0, 0.25, 1.0, 0.5)


def test_a_rule_of_resizing_is_a_setting(read, samples):
    """128 x 128 px in at most 56 * 56 px are 56 x 56."""
    inputs = read(answers(samples, "[14, 28, 42, 56]"), "qwen2_5_vl", resize={"factor": None, "max_pixels": 3136})
    assert [parse(each.text, "box").region for each in inputs] == [Box(0.25, 0.5, 0.75, 1.0)]
    assert "max_pixels 3136" in inputs.in_words()["coordinates"]
    with pytest.raises(UserError, match=r"resize\.factor is 0"):
        read([], "pixels", resize={"factor": 0})
