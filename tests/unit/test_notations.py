"""What well-known models answer, as their makers document it: grammar, unit and the region it stands for."""

import base64
import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.inputs.frame import Resize
from evaluation.inputs.notation import NOTATIONS
from polygon import KINDS, Box, Kind, Mask, Point, Region, UserError, parse

HEIGHT, WIDTH = 480, 640
TRIANGLE = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.9]])

GOLDEN = [
    # Qwen2-VL, model card and technical report (section 2.1.3): corners in parentheses, 0 to 1000.
    ("qwen2_vl", "<|object_ref_start|>dog<|object_ref_end|><|box_start|>(220,416),(417,720)<|box_end|>",
     Box(0.22, 0.416, 0.417, 0.72)),
    ("qwen2_vl", "the dog(220,416),(417,720)", Box(0.22, 0.416, 0.417, 0.72)),  # decoded without special tokens
    ("qwen2_vl", "<ref>dog</ref><box>(220,416),(417,720)</box>", Box(0.22, 0.416, 0.417, 0.72)),  # Qwen-VL
    ("qwen2_vl", "<|quad_start|>(100,200),(300,400),(500,900)<|quad_end|>", Mask((TRIANGLE,))),
    ("qwen2_vl", "<|box_start|>(220,416)<|box_end|>", Point(0.22, 0.416)),
    # Qwen2.5-VL, cookbooks/spatial_understanding: JSON, pixels of the picture as resized, here 644 x 476.
    ("qwen2_5_vl", '```json\n[\n\t{"bbox_2d": [161, 119, 322, 357], "label": "dog"}\n]\n```',
     Box(0.25, 0.25, 0.5, 0.75)),
    ("qwen2_5_vl", '{"bbox_2d": "[161, 119, 322, 357]"}', Box(0.25, 0.25, 0.5, 0.75)),
    ("qwen2_5_vl", '{"bbox_2d": ["161", "119", "322", "357"]}', Box(0.25, 0.25, 0.5, 0.75)),
    ("qwen2_5_vl", '[{"point_2d": [161, 357], "label": "dog"}]', Point(0.25, 0.75)),
    ("qwen2_5_vl", "<think>[1, 2, 3, 4]</think><answer>[161, 119, 322, 357]</answer>", Box(0.25, 0.25, 0.5, 0.75)),
    # Qwen3-VL, cookbooks/2d_grounding: the same JSON, 0 to 1000; points as tags as well.
    ("qwen3_vl", '```json\n[{"bbox_2d": [250, 250, 500, 750], "label": "dog"}]\n```', Box(0.25, 0.25, 0.5, 0.75)),
    ("qwen3_vl", '<points x1="250" y1="750" alt="dog">dog</points>', Point(0.25, 0.75)),
    # InternVL 2 and 3, documentation, chat data format: 0 to 1000.
    ("internvl3", "<ref>dog</ref><box>[[250, 250, 500, 750]]</box>", Box(0.25, 0.25, 0.5, 0.75)),
    ("internvl3", "dog[[250, 250, 500, 750]]", Box(0.25, 0.25, 0.5, 0.75)),
    # DeepSeek-VL2, README and serve/app_modules/utils.py: 0 to 999.
    ("deepseek_vl2", "<|ref|>The giraffe.<|/ref|><|det|>[[0, 333, 666, 999]]<|/det|>", Box(0, 1 / 3, 2 / 3, 1)),
    # Molmo, model card: percent. Molmo 2, preprocessing/point_formatter.py: image, then number, x, y; 0 to 1000.
    ("molmo", ' <point x="63.5" y="44.5" alt="dog">dog</point>', Point(0.635, 0.445)),
    ("molmo", '<points x1="23.0" y1="17.7" x2="38.2" y2="24.1" alt="plates">plates</points>', Point(0.23, 0.177)),
    ("molmo2", 'Counting the <points coords="1 1 900 400 2 911 800">dogs</points> shows 2.', Point(0.9, 0.4)),
    # Gemini API, image understanding: y first, 0 to 1000.
    ("gemini", '```json\n[{"box_2d": [250, 125, 750, 500], "label": "dog"}]\n```', Box(0.125, 0.25, 0.5, 0.75)),
    ("gemini", '[{"point": [250, 125], "label": "dog"}]', Point(0.125, 0.25)),
    ("gemini", '[{"box_2d": [250, 125, 750, 500], "lab', Box(0.125, 0.25, 0.5, 0.75)),
    # Kimi-VL, issue 56 of its repository: JSON, 0 to 1.
    ("kimi_vl", '{"bbox_2d": [0.280, 0.500, 0.520, 0.700]}', Box(0.28, 0.5, 0.52, 0.7)),
    ("kimi_vl", "◁think▷[0.1, 0.2, 0.3, 0.4]?◁/think▷[0.280, 0.500, 0.520, 0.700]", Box(0.28, 0.5, 0.52, 0.7)),
    # GLM-4.5V, README: brackets of any style between the box tokens, scaled by 1000.
    ("glm_4_5v", "It is at <|begin_of_box|>[[94,598,177,991]]<|end_of_box|>.", Box(0.094, 0.598, 0.177, 0.991)),
    ("glm_4_5v", "<|begin_of_box|>[94,598,177,991]<|end_of_box|>", Box(0.094, 0.598, 0.177, 0.991)),
    ("glm_4_5v", "<|begin_of_box|>(94,598,177,991)<|end_of_box|>", Box(0.094, 0.598, 0.177, 0.991)),
    ("glm_4_5v", "<|begin_of_box|><94,598,177,991><|end_of_box|>", Box(0.094, 0.598, 0.177, 0.991)),
    ("glm_4_5v", "<|begin_of_box|>94,598,177,991<|end_of_box|>", Box(0.094, 0.598, 0.177, 0.991)),
    ("glm_4_5v", "<think>[1, 2, 3, 4]</think><answer><|begin_of_box|>[[94,598,177,991]]<|end_of_box|></answer>",
     Box(0.094, 0.598, 0.177, 0.991)),
]  # fmt: skip

OTHERS = [
    # Several values, not quite JSON, other names.
    ("norm1000", '{"bbox_2d": [250, 250, 500, 750]}\n{"bbox_2d": [1, 2, 3, 4]}', Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", '[{"a": [[100,200],[300,400],[500,900]]}]\n[{"a": [[100,200],[300,400],[500,900]]}]',
     Mask((TRIANGLE, TRIANGLE))),
    ("norm1000", '{"polygon": "[[100, 200], [300, 400], [500, 900]]"}', Mask((TRIANGLE,))),
    ("norm1000", '{"polygon": "(100,200),(300,400),(500,900)"}', Mask((TRIANGLE,))),
    ("norm1000", '{"polygon": [[100,200],[300,400],[500,900]], "label": "a"}, {"polygon": [[1,2', Mask((TRIANGLE,))),
    ("norm1000", "Here [see below]:\n```json\n{'bbox_2d': [250, 250, 500, 750],}\n```", Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", '{"x1": 250, "y1": 250, "x2": 500, "y2": 750}', Box(0.25, 0.25, 0.5, 0.75)),
    ("json", '{"objects": [{"x_min": 0.25, "y_min": 0.25, "x_max": 0.5, "y_max": 0.75}]}', Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", '{"bbox": [[250, 250], [500, 750]]}', Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", '{"image_size": [640, 480], "point": {"x": 250, "y": 750}}', Point(0.25, 0.75)),
    ("norm1000", '{"text_bbox": [250, 250, 500, 750], "class_position": [1, 2]}', Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", "It is at (250, 750).", Point(0.25, 0.75)),
    ("norm1000", "[[0250, 0250, 0500, 0750]]", Box(0.25, 0.25, 0.5, 0.75)),
    ("json", "[.25, +.25, 0.5, .75]", Box(0.25, 0.25, 0.5, 0.75)),
    ("norm1000", '{"objects": []}', Mask()),
    ("norm1000", '{"polygon": []}', Mask()),
]  # fmt: skip


def kind_of(region: Region) -> Kind:
    return "box" if isinstance(region, Box) else "point" if isinstance(region, Point) else "mask"


def numbers(region: Region | None) -> list[float]:
    if isinstance(region, Mask):
        return [value for ring in region.polygons for value in ring.ravel().tolist()]
    return list(vars(region).values())


@pytest.mark.parametrize(("format", "text", "region"), GOLDEN + OTHERS)
def test_what_models_write(format, text, region):
    found = parse(NOTATIONS[format].to_ours(text, HEIGHT, WIDTH), kind_of(region)).region
    assert type(found) is type(region)
    assert numbers(found) == pytest.approx(numbers(region), abs=1e-6)


def test_every_model_has_an_answer():
    units = {"ours", "pixels", "norm1000", "json", "json_pixels", "json_norm1000"}
    assert {format for format, *_ in GOLDEN} == NOTATIONS.keys() - units


def test_all_values_of_a_text_count():
    lines = '{"bbox_2d": [250, 250, 500, 750]}\n{"bbox_2d": [1, 2, 3, 4]}'
    assert parse(NOTATIONS["norm1000"].to_ours(lines, HEIGHT, WIDTH), "box").n_answers == 2
    tags = '<points x1="23.0" y1="17.7" x2="38.2" y2="24.1" alt="x1">plates</points>'
    assert parse(NOTATIONS["molmo"].to_ours(tags, HEIGHT, WIDTH), "point").n_answers == 2


@pytest.mark.parametrize(
    ("format", "text", "failure", "reason"),
    [
        ("norm1000", '{"bbox_2d": [1, 2, 3, 4, 5]}', "bad_number", "numbers"),
        ("norm1000", '{"bbox_3d": [1, 2, 3, 4, 5, 6, 7, 8, 9]}', "bad_number", "numbers"),
        ("norm1000", '{"bbox_2d": [1, 2, null, 4]}', "bad_number", "numbers"),
        ("norm1000", '{"polygon": [[1, 2], [3, null], [5, 6]]}', "bad_number", "numbers"),
        ("norm1000", '{"x": 1, "y": 2, "width": 3, "height": 4}', "bad_number", "numbers"),
        ("norm1000", '{"mask": {"size": [480, 640], "counts": "abc"}}', "no_answer", "run_lengths"),
        ("gemini", '{"box_2d": [1, 2, 3, 4], "mask": "<start_of_mask><seg_4><seg_20>"}', "wrong_kind", "mask_tokens"),
        ("gemini", '{"box_2d": [1, 2, 3, 4], "mask": "data:image/png;base64,AAAA"}', "wrong_kind", "mask_image"),
        ("gemini", '{"mask": [[325, 411], [327, 471], [332, 523]]}', "no_answer", "mask_polygon"),
        ("molmo2", '<points coords="1 1 900">dog</points>', "no_answer", "coords"),
        ("norm1000", '{"bbox_2d": null}', "no_answer", None),
        ("norm1000", "There are none.", "no_answer", None),
        ("norm1000", "<think>[1, 2, 3, 4]", "no_answer", None),
        ("norm1000", " ", "empty", None),
        ("norm1000", '{"image_size": [640, 480], "bbox_2d": [1, 2, 3, 4, 5]}', "bad_number", "numbers"),
        ("norm1000", '{"image_size": [640, 480], "bbox_2d": null}', "no_answer", None),
    ],
)
def test_what_is_not_understood_fails_with_its_reason(format, text, failure, reason):
    answer = NOTATIONS[format].rewrite(text, HEIGHT, WIDTH)
    for kind in ("mask", "point"):
        read = parse(answer.text, kind)
        assert (read.region, read.failure, next(iter(answer.unread), None)) == (None, failure, reason)


def png(mask_HW: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(cv2.imencode(".png", mask_HW)[1].tobytes()).decode()


def test_masks_of_gemini_fill_their_box():
    """The left half of a mask of 256 x 256 covers the left half of its box, whatever the size of that."""
    half_HW = np.zeros((256, 256), np.uint8)
    half_HW[:, :128] = 255
    text = json.dumps([{"box_2d": [250, 125, 750, 500], "mask": png(half_HW), "label": "dog"}])
    answer = NOTATIONS["gemini"].rewrite(f"```json\n{text}\n```", HEIGHT, WIDTH)
    expected_HW = np.zeros((HEIGHT, WIDTH), bool)
    expected_HW[120:360, 80:200] = True
    assert answer.mask_HW is not None
    assert np.array_equal(answer.mask_HW, expected_HW)
    assert not answer.unread
    assert parse(answer.text, "box").region == Box(0.125, 0.25, 0.5, 0.75)


@pytest.mark.parametrize(
    ("size", "rule", "resized"),
    [
        ((368, 434), Resize(), (364, 448)),  # 15.5 squares are 16
        ((1080, 1920), Resize(), (1092, 1932)),
        ((1080, 1920), Resize(max_pixels=1280 * 28 * 28), (728, 1316)),
        ((10, 30), Resize(), (56, 112)),
    ],
)
def test_the_picture_that_qwen_sees(size, rule, resized):
    assert rule.size(*size) == resized
    text = json.dumps({"bbox_2d": [0, 0, resized[1] // 2, resized[0]]})
    found = parse(NOTATIONS["qwen2_5_vl"].resized_by(rule).to_ours(text, *size), "box").region
    assert found == Box(0.0, 0.0, 0.5, 1.0)


def test_the_size_that_a_model_saw_goes_before_the_rule():
    answer = NOTATIONS["qwen2_5_vl"].rewrite("[100, 100, 200, 200]", 1080, 1920, seen=(400, 800))
    assert parse(answer.text, "box").region == Box(0.125, 0.25, 0.25, 0.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max": 1}, "resize has no setting 'max': it has factor, min_pixels, max_pixels"),
        ({"factor": 0}, r"resize\.factor is 0; it is a whole number from 1, or null"),
        ({"max_pixels": "many"}, r"resize\.max_pixels is 'many'; it is a whole number"),
        ({"max_pixels": 100}, r"resize\.min_pixels 3136 is above resize\.max_pixels 100"),
    ],
)
def test_rules_that_are_none(settings, message):
    with pytest.raises(UserError, match=message):
        Resize.from_config(settings)


def test_a_rule_may_be_given_in_part():
    assert Resize.from_config({"factor": None, "max_pixels": 1003520}) == Resize(28, 3136, 1003520)
    assert Resize.from_config({"factor": None, "min_pixels": None, "max_pixels": None}) is None
    assert NOTATIONS["norm1000"].resized_by(Resize()) is NOTATIONS["norm1000"]


fragments = st.lists(
    st.sampled_from(
        ['{"bbox_2d": ', "[1, 2, 3, 4]", "[250, 750]", "[", "]", "{", "}", ", ", '"', "'", "(1,2)", "(3,4)",
         "```json\n", "```", "<|box_start|>", "<|box_end|>", '<point x="5" y="6">', '<points coords="',
         '"mask": ', "data:,", "[]", '"a": ', "null", "1e400", "-", ".5", "<think>", "</think>", "<answer>"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(st.one_of(fragments, st.text()), st.sampled_from(list(NOTATIONS)), st.sampled_from(KINDS))
def test_any_text_is_read_or_fails(text, format, kind):
    answer = NOTATIONS[format].rewrite(text, HEIGHT, WIDTH)
    region = parse(answer.text, kind).region
    assert region is None or all(0 <= value <= 1 for value in numbers(region))
    assert bool(text.strip()) or parse(answer.text, kind).failure == "empty"


HOSTILE = {
    "open": "[", "objects": '{"a":', "nested": "[1,", "pairs": "(1,2),", "tags": "<point x=", "fences": "```",
    "blocks": "<box>", "zeros": "0", "dots": "[.", "quotes": '["', "attributes": 'x1="1" ', "lists": "[1,2],",
}  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_in_time(piece, within):
    text = piece * (400_000 // len(piece))
    within(2.0, lambda: NOTATIONS["gemini"].rewrite(text, HEIGHT, WIDTH))
    within(2.0, lambda: NOTATIONS["gemini"].rewrite("[" + text, HEIGHT, WIDTH))
    within(2.0, lambda: NOTATIONS["molmo"].rewrite("<points " + text, HEIGHT, WIDTH))
