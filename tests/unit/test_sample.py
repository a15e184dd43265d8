"""A sample of every task: its question can be answered, its gold answer is right, its rows hold what verl reads."""

import re

import numpy as np
import pytest

from data.answer import answer_region, query_text
from data.interior import interior_point, pole
from data.outlines import OUTLINES
from data.sample import IMAGE_TAG, Sample, decode_image, encode_png, rl_row, sft_row
from data.shapes import Shapes
from data.stream import SftRows
from data.task import TASKS, TaskMix
from polygon import Box, Codec, Mask, Point, Target, UserError, mask_iou, parse

HARD = Shapes(objects=(1, 6), radius=(0.1, 0.24), spacing=0.55, min_visible=0.4, shapes=tuple(OUTLINES), no_target=0.2)
COARSE = Codec(epsilon=0.01, precision=2)


def holds(mask_HW, point: Point) -> bool:
    height, width = mask_HW.shape
    return bool(mask_HW[int(point.y * height), int(point.x * width)])


@pytest.mark.parametrize("level", [Shapes(), HARD], ids=["demo", "hard"])
@pytest.mark.parametrize("task", TASKS)
def test_gold_answers_are_right_at_the_codecs_precision(level, task):
    overlaps = []
    for index in range(40):
        sample = level.sample("train", index, task)
        answer = parse(COARSE.format(answer_region(sample, COARSE)), TASKS[task].answer_kind)
        assert answer.strict
        mask_HW = sample.target().mask
        match answer.region:
            case Mask():
                overlaps.append(mask_iou(COARSE.rasterise(answer.region, *mask_HW.shape), mask_HW))
            case Box(x0, y0, x1, y1):
                assert (x0, y0, x1, y1) == pytest.approx(sample.box, abs=0.00501)
            case Point():
                assert holds(mask_HW, answer.region)
    if overlaps:
        assert np.mean(overlaps) > 0.92


def test_visual_prompts_hit_their_object_after_rounding():
    for index in range(60):
        sample = HARD.sample("val", index, "point2mask")
        x, y = map(float, re.findall(r"[\d.]+", query_text(sample, COARSE)))
        assert holds(sample.target().mask, Point(x, y))
        assert sample.expression is None
        sample = HARD.sample("val", index, "box2mask")
        assert sample.prompt_region == Box(*sample.box)


def test_points_of_thin_and_hollow_masks_lie_inside():
    rng = np.random.default_rng(0)
    line_HW = np.zeros((40, 60), bool)
    line_HW[7, 3:50] = True
    frame_HW = np.ones((40, 60), bool)
    frame_HW[4:-4, 4:-4] = False
    for mask_HW in (line_HW, frame_HW):
        assert holds(mask_HW, pole(mask_HW))
        assert all(holds(mask_HW, interior_point(mask_HW, rng)) for _ in range(50))
    points = {interior_point(np.ones((40, 60), bool), rng) for _ in range(50)}
    assert len(points) > 40


def test_no_target_is_an_empty_answer():
    sample = next(s for i in range(99) if (s := HARD.sample("train", i, "text2mask")).box is None)
    assert COARSE.format(answer_region(sample, COARSE)) == "[]"
    assert not sample.target().mask.any()


def test_rows_hold_what_verl_reads():
    sample = Shapes().sample("val", 3, "text2box")
    row = sft_row(sample, "Box it.", "[0.1, 0.2, 0.3, 0.4]")
    assert [(m["role"], m["content"].count(IMAGE_TAG)) for m in row["messages"]] == [("user", 1), ("assistant", 0)]
    assert np.array_equal(decode_image(row["images"][0]["bytes"]), sample.image)
    row = rl_row(sample, "Box it.", 3)
    assert row["prompt"] == [{"role": "user", "content": "<image>Box it."}]
    assert Target.from_json(row["reward_model"]["ground_truth"]) == sample.target()
    assert row["extra_info"]["sample_id"] == sample.sample_id
    assert sample.sample_id.startswith(f"shapes/val/text2box/{sample.image_id}/")
    assert row["ability"] == row["extra_info"]["task"] == "text2box"


def test_the_tasks_of_an_index_share_scene_and_object():
    samples = [Shapes().sample("val", 8, task) for task in TASKS]
    assert len({(s.image_id, s.ann_id, s.box) for s in samples}) == 1
    assert len({s.sample_id for s in samples}) == len(TASKS)


def test_stream_rows_are_reproducible_and_mixed():
    mix = TaskMix.from_config(dict.fromkeys(TASKS, 1))
    rows = SftRows(Shapes(), mix, COARSE, "train")
    image_HW3, question, answer, sample = rows[12]
    again_HW3, *again = rows[12]
    assert [question, answer, sample] == again
    assert np.array_equal(image_HW3, again_HW3)
    assert image_HW3.shape == (128, 128, 3)
    assert {rows.text(index)[0].task for index in range(60)} == set(TASKS)


def test_images_come_from_pixels_bytes_and_paths(tmp_path):
    made = Shapes().sample("val", 0, "text2mask")
    (tmp_path / "scene.png").write_bytes(encode_png(made.image))
    for image in (made.image, encode_png(made.image), str(tmp_path / "scene.png")):
        sample = Sample(**{**vars(made), "image": image})
        assert np.array_equal(sample.pixels(), made.image)


def test_unreadable_images_are_named():
    made = vars(Shapes().sample("val", 0, "text2mask"))
    with pytest.raises(UserError, match=r"shapes/val/text2mask/.*: cannot read image gone\.png"):
        Sample(**{**made, "image": "gone.png"}).image_bytes()
    whole = encode_png(made["image"])
    too_large = whole[:16] + b"\x7f\xff\xff\xff" * 2 + whole[24:]
    for damaged in (b"", b"GIF89a nonsense", whole[: len(whole) // 2], too_large):
        with pytest.raises(UserError, match="bytes that do not decode as PNG or JPEG"):
            Sample(**{**made, "image": damaged}).pixels()


def test_several_questions_about_a_scene_are_rows_in_succession():
    mix = TaskMix.from_config({"text2mask": 1, "text2box": 1})
    one, several = (SftRows(Shapes(), mix, COARSE, "train", questions=n) for n in (1, 4))
    scenes = [several[index][0] for index in range(8)]
    assert all(np.array_equal(scenes[0], scene) for scene in scenes[:4])
    assert np.array_equal(scenes[0], one[0][0]) and np.array_equal(scenes[4], one[1][0])
    assert len({several.text(index)[1:] for index in range(4)}) > 1, "not the same question again"
    assert [several.text(index)[1:] for index in range(4)] == [several.text(index)[1:] for index in range(4)]
