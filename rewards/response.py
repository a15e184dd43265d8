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
        """bool (H, W), the pixels the answer covers, of those that count (`Target.ignored`)."""
        counted_HW = self.target.counted
        return self.painted if counted_HW is None else self.painted & counted_HW

    @cached_property
    def painted(self) -> NDArray[np.bool_]:
        """bool (H, W), all of them. ValueError if the answer is no mask: a term's `applies_to` is wrong."""
        region = self.answer.region
        if not isinstance(region, Mask):
            raise ValueError(f"a {self.kind} answer ({type(region).__name__}) has no mask")
        return self.codec.rasterise(region, self.height_px, self.width_px)

    @cached_property
    def needed(self) -> Mask:
        """What the codec writes for a target mask. Encoding takes as long as all terms: asked for suspects only."""
        return self.codec.encode(self.target.mask)

    @cached_property
    def breaches(self) -> tuple[str, ...]:
        """The rules of rewards/contract.py that the answer breaks; none where it could not be read."""
        region = self.answer.region
        if region is None:
            return ()
        painted_HW = self.painted if isinstance(region, Mask) else None
        return breaches(self.text, region, painted_HW, lambda: self.needed, self.codec)

    @property
    def is_void(self) -> bool:
        """Whether no term gives anything: nothing could be read, or a rule is broken that would pay otherwise."""
        return self.answer.region is None or not set(VOID).isdisjoint(self.breaches)

    @cached_property
    def without_spare_rings(self) -> "Response | None":
        """The same answer with its first rings only, as many as the target needs; None where it has no more."""
        region = self.answer.region
        if not isinstance(region, Mask) or "too_many_rings" not in self.breaches:
            return None
        first = Mask(region.polygons[: len(self.needed.polygons)])
        return Response(self.codec.format(first), self.target, self.codec)

    @cached_property
    def vertices(self) -> int | None:
        """Vertices over all rings (0 for `[]`); None for boxes, points and parse failures, which have no rings."""
        region = self.answer.region
        return region.n_vertices if isinstance(region, Mask) else None
