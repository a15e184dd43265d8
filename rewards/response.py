"""One response of the model, parsed and rasterised at most once, however many terms look at it.

Parsing is the parser's job (polygon/parser.py: linear in the text and capped), rasterising the codec's. Both are lazy
here, because a box task needs no mask and a response that does not parse has none.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from polygon import Answer, Codec, Kind, Mask, Target
from rewards.contract import VOID, breaches


class Response:
    """A text read as an answer to `target`.

    text: what the model wrote, end and padding tokens removed, nothing else; any string is allowed.
    target: gives the kind of answer to read and the image size (height, width) in px.
    codec: the one that wrote the training answers; it decides how numbers are read and which pixels a polygon covers.
    """

    def __init__(self, text: str, target: Target, codec: Codec):
        self.text = text
        self.target = target
        self.codec = codec
        self.kind: Kind = target.kind
        self.height_px, self.width_px = target.height, target.width

    @cached_property
    def answer(self) -> Answer:
        """What the parser found; `answer.region` is None exactly when it found nothing usable."""
        return self.codec.parse(self.text, self.kind)

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """bool (H, W), the pixels the answer covers. ValueError if it is no mask: a term's `applies_to` is wrong."""
        region = self.answer.region
        if not isinstance(region, Mask):
            raise ValueError(f"a {self.kind} answer ({type(region).__name__}) has no mask")
        return self.codec.rasterise(region, self.height_px, self.width_px)

    @cached_property
    def breaches(self) -> tuple[str, ...]:
        """The rules of rewards/contract.py that the answer breaks; none where it could not be read."""
        region = self.answer.region
        if region is None:
            return ()
        paints = not isinstance(region, Mask) or bool(self.mask.any())
        return breaches(self.text, region, self.target, self.codec, paints=paints)

    @property
    def is_void(self) -> bool:
        """Whether no term gives anything: nothing could be read, or a rule is broken that would pay otherwise."""
        return self.answer.region is None or not set(VOID).isdisjoint(self.breaches)

    @cached_property
    def vertices(self) -> int | None:
        """Vertices over all rings (0 for `[]`); None for boxes, points and parse failures, which have no rings."""
        region = self.answer.region
        return region.n_vertices if isinstance(region, Mask) else None
