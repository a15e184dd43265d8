"""What is asked of a backend and what it gives back: `Request` -> `Answer`, whichever backend it is.

Every request carries a seed of its own, made from the run's seed, the sample and the draw: an answer does not depend on
which others it was sampled with, as far as the backend samples each request by its own seed.
"""

import zlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Literal, Protocol

from data.rows import PreparedSample
from data.task import TASKS
from polygon import Codec, Kind, UserError

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Request:
    """Draw number `draw` of an answer to one sample."""

    sample: PreparedSample
    draw: int
    seed: int

    @property
    def kind(self) -> Kind:
        return TASKS[self.sample.task].answer_kind

    @property
    def key(self) -> tuple[str, int]:
        return self.sample.sample_id, self.draw


@dataclass(frozen=True)
class Answer:
    """`tokens` counts what the model wrote, its end token included; None where a server does not say."""

    text: str
    tokens: int | None
    finish: Finish


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Temperature 0 is greedy. `grammar` is the codec to whose canonical texts answers are held, or None.

    stop_at_bracket: a mask ends where its outer bracket closes; False for models that were not trained to that.
    """

    temperature: float
    max_tokens: int
    grammar: Codec | None = None
    stop_at_bracket: bool = True


class Backend(Protocol):
    """Anything that answers; it may answer in any order and takes requests only as it has room for them."""

    def answers(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Answer]]: ...


def pending_requests(
    samples: Iterable[PreparedSample], draws: int, seed: int, done: Set[tuple[str, int]]
) -> Iterator[Request]:
    """A request for each sample and draw that is not in `done`, in the order of the samples."""
    for sample in samples:
        for draw in range(draws):
            request = Request(sample, draw, zlib.crc32(f"{seed}/{draw}/{sample.sample_id}".encode()))
            if request.key not in done:
                yield request


def check_prompt(request: Request, length: int, limit: int) -> None:
    """Raises UserError for a prompt of more than `limit` tokens, image tokens included."""
    if length > limit:
        raise UserError(
            f"{request.sample.sample_id}: its prompt has {length} tokens, those of the image included, and "
            f"vlm.max_prompt_length is {limit}; run again with vlm.max_prompt_length={length} or more"
        )
