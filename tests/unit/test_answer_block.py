"""Texts of reasoning models: which part is the answer, read the same by rewards and evaluation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.conventions import Conventions
from evaluation.measures.answers import read_answer
from evaluation.prediction import Prediction
from polygon import KINDS, MAX_CHARACTERS, Box, Codec, Target, parse
from polygon.answer_block import final_answer
from rewards.response import Response

BOX = "[0.1, 0.2, 0.3, 0.4]"
OTHER = "[0.9, 0.9, 1.0, 1.0]"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (f"<think>maybe {OTHER}, no</think><answer>{BOX}</answer>", BOX),
        (f"<think>maybe {OTHER}</think>\n{BOX}", f"\n{BOX}"),
        (f"<answer>{BOX}</answer>", BOX),
        (f"The prompt began the thinking: {OTHER}</think>{BOX}", BOX),
        (f"<THINK>{OTHER}</Think><Answer>{BOX}</ANSWER>", BOX),
        (f"<thinking>{OTHER}</thinking>{BOX}", BOX),
        (f"◁think▷{OTHER}◁/think▷{BOX}", BOX),
        (f"[THINK]{OTHER}[/THINK]{BOX}", BOX),
        (f"<think>a</think>{OTHER}<think>b</think>{BOX}", BOX),
        (f"<think>it is <answer>{OTHER}</answer>, or not</think><answer>{BOX}</answer>", BOX),
        (f"<think><think>{OTHER}</think>{OTHER}</think>{BOX}", BOX),
        (f"<answer>{OTHER}</answer> Wait. <answer>{BOX}</answer>", BOX),
        (f"<answer>{BOX}</answer> or <answer>{OTHER[:9]}", BOX),
        (f"I use the <answer> tag: <answer>{BOX}</answer>", BOX),
        (f"<answer><answer>{BOX}</answer></answer>", BOX),
        (f"<answer>{BOX}</answer> done</answer>", BOX),
        (f"<think>hm</think>So: <answer>{BOX[:9]}", BOX[:9]),
        (f"{BOX}</answer>\nuser\nAnd {OTHER}?", BOX),
        (f"<think>it may be {OTHER}, or", ""),
        (f"<think>a</think>{OTHER}<think>b", ""),
        ("<think>a</think>", ""),
        ("<answer></answer>", ""),
        (f"I think> {BOX} <box>", f"I think> {BOX} <box>"),
    ],
)
def test_which_part_answers(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize("text", [f"<think>{OTHER}</think><answer>{BOX}</answer>", f"<think>{OTHER}</think> {BOX}"])
def test_rewards_and_evaluation_read_the_same_part(text):
    box = Box(0.1, 0.2, 0.3, 0.4)
    target = Target("box", "text2box", 10, 10, None, (0.1, 0.2, 0.3, 0.4))
    assert Response(text, target, Codec()).answer.region == box
    answer = read_answer(Prediction("a", text), "box", Conventions(), Codec())
    assert answer is not None
    assert (answer.region, answer.n_answers, answer.strict) == (box, 1, False)


def test_thinking_alone_is_no_answer():
    answer = parse(f"<think>it may be {OTHER}, or", "box")
    assert (answer.region, answer.failure, answer.strict) == (None, "no_answer", False)


def test_long_thinking_does_not_make_an_answer_too_large():
    text = f"<think>{OTHER * MAX_CHARACTERS}</think>{BOX}"
    assert parse(text, "box").region == Box(0.1, 0.2, 0.3, 0.4)


pieces = st.lists(
    st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "[THINK]", "◁/think▷", BOX, OTHER, "<", "so "])
).map("".join)


@given(st.one_of(pieces, st.text()))
def test_any_text_has_its_part(text):
    part = final_answer(text)
    assert part in text
    assert not re.search("</think>|◁/think▷", part, re.IGNORECASE)
    if not any(tag in text.lower() for tag in ("think", "thought", "reasoning", "answer")):
        assert part is text


untagged = st.text().filter(lambda text: not any(mark in text for mark in "<◁["))


@given(untagged, untagged)
def test_whatever_is_thought(thought, answer):
    assert final_answer(f"<think>{thought}</think><answer>{answer}</answer>") == answer
    assert final_answer(f"<think>{thought}</think>{answer}") == answer
    assert final_answer(f"<think>{thought}") == ""


@given(pieces, st.sampled_from(KINDS))
def test_a_text_with_tags_is_never_strict(text, kind):
    if any(tag in text for tag in ("think", "THINK", "answer")):
        assert not parse(text, kind).strict


@pytest.mark.parametrize("piece", ["<think>", "</think>", "<answer>", "</answer>", "<answer>[", "<", "<answer", "◁"])
def test_time_is_linear(piece, within):
    assert isinstance(within(1.0, lambda: final_answer(piece * 100_000)), str)
