"""Question and answer templates, in our own words.

Why: several wordings keep the model from tying the task to one sentence; the words stay few and the sentences short
because a tiny model reads them too, and its tokenizer is built from `vocabulary()`.
Departure from the paper: it has 7 question and 5 answer templates for text -> mask; these are others, for five tasks.
"""

import re

import numpy as np

from data import expressions
from data.task import TASKS
from polygon import Kind, UserError

# {q} is the expression, "the red star"; for visual prompts the formatted point or box.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "text2mask": ("Outline {q}.", "Trace {q}.", "Segment {q}.", "Draw the polygon of {q}.", "Give the polygon of {q}."),
    "text2box": (
        "Box {q}.",
        "Draw the box of {q}.",
        "Give the box of {q}.",
        "Find the box of {q}.",
        "Put a box on {q}.",
    ),
    "text2point": (
        "Point at {q}.",
        "Touch {q}.",
        "Give a point on {q}.",
        "Find a point on {q}.",
        "Put a point on {q}.",
    ),
    "point2mask": (
        "Outline the object at {q}.",
        "Trace the object at {q}.",
        "Segment the object at {q}.",
        "Draw the polygon at the point {q}.",
        "Give the polygon at the point {q}.",
    ),
    "box2mask": (
        "Outline the object in the box {q}.",
        "Trace the object in the box {q}.",
        "Segment the object in the box {q}.",
        "Draw the polygon in the box {q}.",
        "Give the polygon in the box {q}.",
    ),
}

ANSWERS: dict[Kind, tuple[str, ...]] = {
    "mask": ("{a}", "Polygon: {a}", "The polygon is {a}", "Here is the polygon: {a}", "The outline is {a}"),
    "box": ("{a}", "Box: {a}", "The box is {a}", "Here is the box: {a}", "It is in the box {a}"),
    "point": ("{a}", "Point: {a}", "The point is {a}", "Here is a point: {a}", "It is at the point {a}"),
}
ANSWER_STYLES = ("bare", "varied")
NO_TARGET = "[]"


def question(task: str, query: str, rng: np.random.Generator) -> str:
    """One of the task's questions about `query`, without the image placeholder.

    A query that is a sentence of its own (ReasonSeg's are) comes first: "What keeps the rain out? Outline it."
    """
    choices = QUESTIONS[task]
    chosen = choices[rng.integers(len(choices))]
    return f"{query} {chosen.format(q='it')}" if query.endswith(("?", ".", "!")) else chosen.format(q=query)


def answer(kind: Kind, text: str, rng: np.random.Generator, style: str = "bare") -> str:
    """The answer alone (`bare`), or now and then behind a lead-in (`varied`).  "No target" is always said bare."""
    if style not in ANSWER_STYLES:
        raise UserError(f"answers: {style!r} is not a style; known: {', '.join(ANSWER_STYLES)}")
    if style == "bare" or text == NO_TARGET:
        return text
    choices = ANSWERS[kind]
    return choices[rng.integers(len(choices))].format(a=text)


def vocabulary() -> list[str]:
    """Every word and punctuation mark that a question, an answer's lead-in or a shapes expression can hold, sorted.

    Digits and brackets belong to the answer grammar (`polygon`), not to this list.
    """
    templates = [*(t for task in TASKS for t in QUESTIONS[task]), *(t for kind in ANSWERS.values() for t in kind)]
    tokens = {token for t in templates for token in re.findall(r"\w+|[^\w\s]", re.sub(r"\{\w\}", " ", t))}
    return sorted(tokens | expressions.words())
