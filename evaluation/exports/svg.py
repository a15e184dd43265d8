"""Answers as SVG, one a sample: the photo with the outline over it as vectors, vertices and start marked."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evaluation.exports.exported import Exported
from evaluation.exports.labelme import file_name
from polygon import Codec
from polygon.output import write_whole
from rollout.overlay import overlay_svg


def write_svg(answers: Iterable[Exported], output: Path, codec: Codec, left_out: Counter[str]) -> int:
    """Write an SVG file a sample into the folder `output`; returns their number."""
    count, taken = 0, {}
    for count, answer in enumerate(answers, start=1):  # noqa: B007 - the last number is the count
        sample = answer.sample
        title = sample.expression or sample.task
        svg = overlay_svg(answer.region, sample.height, sample.width, sample.image_bytes(), title, codec)
        write_whole(output / f"{file_name(sample.sample_id, taken)}.svg", svg.encode(errors="replace"))
    return count
