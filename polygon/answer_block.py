"""The answer of a text that reasons first: `<think>... [1, 2, 3, 4] ...</think><answer>[[[0.1, 0.2], ...]]</answer>`.

Why: reasoning models write numbers while they think, and none of them is the answer.
How: what follows the thinking counts, and of that the answer block if it has one. The start of the thinking may be
missing, since many chat templates write it into the prompt. Kimi-VL-Thinking writes `◁think▷`, Magistral `[THINK]`.
"""

import re

_THINKING = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>|◁(/?)think▷|\[(/?)THINK\]", re.IGNORECASE)
_ANSWER = re.compile(r"<(/?)answer>", re.IGNORECASE)


def final_answer(text: str) -> str:
    """The part of a text that answers; the text itself, the same object, where no tag says which part that is.

    - The thinking ends at the last closing tag. Thinking that is never closed is followed by no answer: "".
    - Of several answer blocks the last closed one counts, of nested ones the innermost. One that is never closed counts
      where no other is: the text was cut. A closing tag alone closes what the prompt opened.
    Linear in the text.
    """
    text, thinking_is_open = _behind_thinking(text)
    if thinking_is_open:
        return ""
    start, block = 0, None
    for tag in _ANSWER.finditer(text):
        if not tag[1]:
            start = tag.end()
        elif start is not None:
            start, block = None, text[start : tag.start()]
    if block is not None:
        return block
    return text[start:] if start else text


def _behind_thinking(text: str) -> tuple[str, bool]:
    """What follows the last closing tag, and whether another thinking begins there."""
    end, is_open = 0, False
    for tag in _THINKING.finditer(text):
        is_open = not any(tag.groups())
        if not is_open:
            end = tag.end()
    return (text[end:] if end else text), is_open
