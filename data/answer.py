"""What a sample's question says and what its answer is, as text at the codec's precision.

Why: one place turns a `Sample` into words for every source, so SFT answers, RL prompts and the rewards' targets agree.
"""

from data.interior import pole
from data.sample import Sample
from polygon import Box, Codec, Mask, Region


def query_text(sample: Sample, codec: Codec) -> str:
    """What goes into the question: the expression, or the visual prompt as the codec writes it."""
    if sample.prompt_region is not None:
        return codec.format(sample.prompt_region)
    if sample.expression is None:
        raise ValueError(f"{sample.sample_id} has neither an expression nor a visual prompt")
    return sample.expression


def answer_region(sample: Sample, codec: Codec) -> Region:
    """The gold answer: the encoded mask, the annotated box, or the point deepest inside the mask."""
    target = sample.target()
    if target.box is None:
        if target.kind != "mask":
            raise ValueError(f"{sample.sample_id} has no target, which only a mask can say")
        return Mask()
    match target.kind:
        case "mask":
            return codec.encode(target.mask)
        case "box":
            return Box(*target.box)
        case "point":
            return pole(target.mask)
