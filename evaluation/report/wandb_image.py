"""An answer and its ground truth over the photo as a `wandb.Image`, for the validations of a training run.

Masks and boxes are switched on and off on wandb's page. wandb is imported when the first picture is made: it belongs to
the training extras, and evaluation does without. Offline runs keep the pictures in their folder until `wandb sync`.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.conventions import Conventions
from evaluation.measures.evaluators import EVALUATORS, Scoring
from evaluation.statistics.result import JUDGED_BY
from polygon import Answer, Box, Codec, Mask, Point, Region, Target

if TYPE_CHECKING:
    import wandb

TRUTH, ANSWER = "ground truth", "answer"
CLASSES = {1: TRUTH, 2: ANSWER}
MAX_TEXT = 500
"""Characters of an answer in a caption."""


def wandb_image(pixels_HW3: NDArray[np.uint8], target: Target, text: str, question: str, codec: Codec) -> "wandb.Image":
    """The picture with what `text` says and what `target` is; question, score and text are its caption."""
    import wandb

    answer = codec.parse(text, target.kind, Conventions().answers)
    truth = Box(*target.box) if target.kind == "box" and target.box is not None else None
    return wandb.Image(
        pixels_HW3,
        caption=_caption(question, answer, target, text, codec),
        masks={} if target.kind == "box" else _masks(answer.region, target, codec),
        boxes=_boxes(truth, answer.region) if target.kind == "box" else {},
        file_type="jpg",
    )


def _caption(question: str, answer: Answer, target: Target, text: str, codec: Codec) -> str:
    scoring = Scoring(codec=codec, conventions=Conventions(), boundary=None)
    score = EVALUATORS[target.kind](answer.region, target, scoring)[JUDGED_BY[target.kind]]
    measured = f"{'hit' if target.kind == 'point' else 'IoU'} {score:.2f}"
    return "\n".join([question, f"{measured}, {answer.failure}" if answer.failure else measured, text[:MAX_TEXT]])


def _masks(region: Region | None, target: Target, codec: Codec) -> dict[str, dict]:
    """Pixels of the class's number, 0 elsewhere; a point is a disc."""
    layers = {TRUTH: target.mask, ANSWER: np.zeros((target.height, target.width), dtype=bool)}
    if isinstance(region, Mask):
        layers[ANSWER] = codec.rasterise(region, target.height, target.width)
    elif isinstance(region, Point):
        centre = int(region.x * target.width), int(region.y * target.height)
        radius = max(2, max(target.height, target.width) // 60)
        layers[ANSWER] = cv2.circle(np.zeros((target.height, target.width), np.uint8), centre, radius, 1, -1) > 0
    return {
        name: {"mask_data": layers[name].astype(np.uint8) * number, "class_labels": {number: name}}
        for number, name in CLASSES.items()
    }


def _boxes(truth: Region | None, region: Region | None) -> dict[str, dict]:
    """Corners are shares of width and height, which is what wandb takes without a domain."""
    named = zip(CLASSES.items(), (truth, region), strict=True)
    return {
        name: {"box_data": [_box(box, number)] if isinstance(box, Box) else [], "class_labels": {number: name}}
        for (number, name), box in named
    }


def _box(box: Box, number: int) -> dict:
    position = {"minX": box.x0, "minY": box.y0, "maxX": box.x1, "maxY": box.y1}
    return {"position": position, "class_id": number, "box_caption": CLASSES[number]}
