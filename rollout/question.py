"""What is asked: in the wording of our templates, in that of a model trained with others, or in the user's own.

Why: a model answers best what it was trained to be asked. Checkpoints that others trained name their own wording
(`vlm.questions`, by task, {q} where the expression goes); prepared rows and `rollout.predict` then ask in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf

from data.rows import PreparedSample
from data.sample import IMAGE_TAG
from data.task import TASKS, TaskMix
from data.templates import QUESTIONS
from polygon import Box, Codec, Point, UserError

ASKS_WITH = {"text": "expression", "point": "point", "box": "box"}
"""The setting that a task's prompt is given in."""
MARKUP = re.compile(r"<image>|<\|\w+\|>")


@dataclass(frozen=True)
class Question:
    """One question about any photo; `region` is what a visual prompt points at, `expression` what a text task says."""

    task: str
    prompt: str
    expression: str | None
    region: Point | Box | None

    @classmethod
    def from_config(cls, config: DictConfig) -> "Question":
        """From `task`, `expression`, `point`, `box`, `question` and `codec`. Raises UserError for what does not fit."""
        mix = TaskMix.from_config(config.task.weights).weights
        if len(mix) != 1:
            raise UserError(f"task is a mix of {', '.join(name for name, _ in mix)}; ask for one of them")
        task = mix[0][0]
        needed = ASKS_WITH[TASKS[task].prompt_kind]
        for name in ASKS_WITH.values():
            if (config[name] is None) == (name == needed):
                wrong = "needs" if name == needed else "is not asked with"
                raise UserError(f"task={task} {wrong} {name}; {_EXAMPLES[needed]}")
        wording = config.question or questions_of(config).get(task) or QUESTIONS[task][0]
        if wording.count("{q}") != 1:
            raise UserError(f"question={wording!r} has to hold {{q}} once, where the {needed} goes")
        if needed == "expression":
            if MARKUP.search(str(config.expression)):
                raise UserError(f"expression={config.expression} holds a mark that models are told of images with")
            return cls(task, _prompt(wording, str(config.expression)), str(config.expression), None)
        region = _region(needed, OmegaConf.to_container(config)[needed])
        return cls(task, _prompt(wording, Codec.from_config(config.codec).format(region)), None, region)


def questions_of(config: DictConfig) -> Mapping[str, str]:
    """Wording by task of a model that was trained with other templates than ours; most have none."""
    return OmegaConf.select(config, "vlm.questions") or {}


def reworded(samples: Iterable[PreparedSample], questions: Mapping[str, str]) -> Iterator[PreparedSample]:
    """Prepared samples asked in a model's own wording, or as they were prepared where it has none.

    Raises UserError for a task whose question it does not know, and for visual prompts, which rows keep no trace of.
    """
    for sample in samples:
        if not questions:
            yield sample
        elif sample.task in questions and sample.expression is not None:
            yield replace(sample, prompt=_prompt(questions[sample.task], sample.expression))
        else:
            known = ", ".join(questions)
            raise UserError(f"{sample.sample_id}: this model is asked in words of its own (vlm.questions), for {known}")


def _prompt(wording: str, query: str) -> str:
    return IMAGE_TAG + wording.replace("{q}", query)


_EXAMPLES = {"expression": "expression=WORDS", "point": "point=[0.4,0.6]", "box": "box=[0.1,0.2,0.5,0.9]"}


def _region(kind: str, values: Any) -> Point | Box:
    """Point or box from its fractions of width and height. Raises UserError."""
    count = 2 if kind == "point" else 4
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(0 <= number <= 1 for number in numbers):
        raise UserError(f"{kind}={values}: give {count} fractions of width and height from 0 to 1; {_EXAMPLES[kind]}")
    if kind == "point":
        return Point(*numbers)
    x0, y0, x1, y1 = numbers
    if x0 >= x1 or y0 >= y1:
        raise UserError(f"{kind}={values}: left comes before right and top before bottom; {_EXAMPLES[kind]}")
    return Box(x0, y0, x1, y1)
