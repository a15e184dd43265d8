"""Questions and answers: several wordings, short, and all their words in the vocabulary."""

import re

import numpy as np
import pytest

from data import templates
from data.outlines import OUTLINES
from data.shapes import Shapes
from data.stream import SftRows
from data.task import TASKS, TaskMix
from polygon import Codec, UserError, parse

HARD = Shapes(
    objects=(1, 6),
    spacing=0.55,
    min_visible=0.4,
    distinct=False,
    shapes=tuple(OUTLINES),
    expressions=("attributes", "superlatives", "positions", "relations"),
    no_target=0.2,
)
ALL_TASKS = TaskMix.from_config(dict.fromkeys(TASKS, 1.0))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_five_short_questions(task):
    rng = np.random.default_rng(0)
    asked = {templates.question(task, "the red star", rng) for _ in range(200)}
    assert asked == {template.format(q="the red star") for template in templates.QUESTIONS[task]}
    assert len(asked) >= 5
    assert all(question.count("the red star") == 1 and len(question.split()) <= 10 for question in asked)


def test_no_two_tasks_with_text_share_a_question():
    questions = [question for task in TASKS for question in templates.QUESTIONS[task]]
    assert len(set(questions)) == len(questions)


def test_the_vocabulary_holds_every_word_that_is_said():
    vocabulary, rows = set(templates.vocabulary()), SftRows(HARD, ALL_TASKS, Codec(precision=2), "train", "varied")
    for index in range(300):
        _, question, answer, _ = rows[index]
        said = re.sub(r"\[[\d\[\]., ]*\]", " ", f"{question} {answer}")
        assert set(re.findall(r"\w+|[^\w\s]", said)) <= vocabulary
    assert len(vocabulary) < 100
    assert templates.vocabulary() == sorted(vocabulary)


@pytest.mark.parametrize("task", TASKS)
def test_lead_ins_change_nothing_of_the_answer(task):
    mix = TaskMix.from_config({task: 1})
    bare, varied = (SftRows(HARD, mix, Codec(), "val", style) for style in ("bare", "varied"))
    kind, led_in = TASKS[task].answer_kind, 0
    for index in range(30):
        plain, lead = bare.text(index)[2], varied.text(index)[2]
        assert parse(plain, kind).strict
        assert parse(lead, kind).region == parse(plain, kind).region
        assert lead.endswith(plain)
        led_in += lead != plain
    assert led_in > 10


def test_an_unknown_style_is_named():
    with pytest.raises(UserError, match="answers: 'chatty' is not a style; known: bare, varied"):
        templates.answer("mask", "[]", np.random.default_rng(0), "chatty")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"text2msk": 1}, "unknown task 'text2msk'; known: text2mask, "),
        ({"text2mask": 0, "text2box": 0}, "the weights sum to 0"),
        ({}, "the weights sum to 0"),
        ({"text2mask": -1}, "task.weights.text2mask: -1 is not a number >= 0"),
        ({"text2mask": "half"}, "task.weights.text2mask: 'half' is not a number >= 0"),
        ({"text2mask": float("nan")}, "task.weights.text2mask: nan is not a number >= 0"),
    ],
)
def test_bad_weights_are_named(weights, message):
    with pytest.raises(UserError, match=re.escape(message)):
        TaskMix.from_config(weights)


def test_tasks_are_drawn_by_weight():
    mix = TaskMix.from_config({"box2mask": 1, "text2mask": 3, "text2box": 0})
    drawn = [mix.draw(step / 1000).name for step in range(1000)]
    assert drawn.count("text2mask") == 750
    assert drawn.count("box2mask") == 250
