"""A question's answers together, as the server, the agent loop and its worker hand them on.

A module of its own, so that the agent loop need not import vLLM's server for a name.
"""

from dataclasses import dataclass
from typing import Any

OTHERS = "others"
"""Key in the extra fields of the first answer's TokenOutput: [(token ids, their log-probabilities or None), ...]."""


@dataclass(frozen=True)
class Group:
    """Answers (verl's AgentLoopOutput) to one question, and its image as the processor gives it to the model."""

    answers: list[Any]
    image_inputs: dict[str, Any]
