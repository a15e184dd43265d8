"""`Sample`: the one schema every source fills, and the two parquet rows made from it.

Why: SFT, RL and evaluation read the same columns whatever the pixels came from.  verl reads `messages` and `images` for
SFT, and `prompt`, `images`, `reward_model.ground_truth` and `extra_info` for RL.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from data.image_reference import reference
from data.task import TASKS
from polygon import Box, Point, Target, UserError

IMAGE_TAG = "<image>"  # verl replaces it by the processor's image tokens


def decode_image(encoded: bytes) -> NDArray[np.uint8]:
    """PNG or JPEG bytes -> uint8 RGB (H, W, 3).  Raises UserError when they are no whole image."""
    try:
        image_HW3 = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # no bytes at all, or a header that announces more pixels than OpenCV allows
        image_HW3 = None
    if image_HW3 is None:
        raise UserError(f"image: {len(encoded)} bytes that do not decode as PNG or JPEG")
    return image_HW3.astype(np.uint8, copy=False)


def encode_png(image_HW3: NDArray[np.uint8]) -> bytes:
    """uint8 RGB (H, W, 3) -> PNG; the same pixels give the same bytes."""
    return cv2.imencode(".png", cv2.cvtColor(image_HW3, cv2.COLOR_RGB2BGR))[1].tobytes()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One question about one image.

    `image` is PNG/JPEG bytes, a path, or uint8 RGB pixels (H, W, 3) for scenes that are made on the fly.
    `expression` is set for text tasks, `prompt_region` (normalised) for visual prompts.
    `rle` is the target mask as compressed COCO RLE, None only for a box task on data without masks; `box` the annotated
    box (x0, y0, x1, y1), normalised, or None where there is no target.
    `ignored` and `twice` are parts of the image that `Target` explains.
    `image_id` is the photograph and `ann_id` the object; `source_image_id`, `category_id` and `category` are the
    annotation file's, None where it has none.
    `mask_text` is the codec's text of the mask where the source has it already: encoding is the costly part of a row.
    """

    sample_id: str
    source: str
    split: str
    task: str
    image: bytes | str | NDArray[np.uint8] = field(repr=False, compare=False)
    height: int
    width: int
    expression: str | None
    prompt_region: Point | Box | None
    rle: dict | None
    box: tuple[float, float, float, float] | None
    image_id: str
    ann_id: str
    mask_text: str | None = field(default=None, repr=False, compare=False)
    source_image_id: int | str | None = None
    category_id: int | str | None = None
    category: str | None = None
    ignored: dict | None = None
    twice: dict | None = None

    def target(self) -> Target:
        kind = TASKS[self.task].answer_kind
        return Target(kind, self.task, self.height, self.width, self.rle, self.box, self.ignored, self.twice)

    def image_bytes(self) -> bytes:
        """Encoded image.  Raises UserError for a path that cannot be read."""
        if isinstance(self.image, bytes):
            return self.image
        if isinstance(self.image, str):
            try:
                return Path(self.image).read_bytes()
            except OSError as error:
                raise UserError(f"{self.sample_id}: cannot read image {self.image}: {error.strerror}") from error
        return encode_png(self.image)

    def pixels(self) -> NDArray[np.uint8]:
        """uint8 RGB (H, W, 3).  Raises UserError for an unreadable image."""
        return self.image if isinstance(self.image, np.ndarray) else decode_image(self.image_bytes())


def sample_id(name: str, split: str, task: str, image_id: str, ann_id: str, asked: str | Point | Box | None) -> str:
    """What a sample is, not where it stands: dataset, split, task, photograph, object, and a digest of what is asked.

    Answers keep their sample when a dataset is prepared again in another order, and find none when it is another one.
    """
    digest = hashlib.blake2b(repr(asked).encode(), digest_size=4).hexdigest()
    return f"{name}/{split}/{task}/{image_id}/{ann_id}/{digest}"


def _images(sample: Sample, images: str) -> list[dict]:
    """The column verl reads: the encoded image, or with `images` = "referenced" where it is."""
    if images == "embedded":
        return [{"bytes": sample.image_bytes()}]
    return [{"image": reference(sample.image if isinstance(sample.image, str) else sample.image_bytes())}]


def sft_row(sample: Sample, question: str, answer: str, images: str = "embedded") -> dict:
    """One row of `sft/<split>`."""
    return {
        "messages": [{"role": "user", "content": IMAGE_TAG + question}, {"role": "assistant", "content": answer}],
        "images": _images(sample, images),
        "data_source": sample.source,
        "ability": sample.task,
        "sample_id": sample.sample_id,
    }


def rl_row(sample: Sample, question: str, index: int, images: str = "embedded") -> dict:
    """One row of `rl/<split>`; `index` is the row's number in its split."""
    return {
        "data_source": sample.source,
        "prompt": [{"role": "user", "content": IMAGE_TAG + question}],
        "images": _images(sample, images),
        "ability": sample.task,
        "reward_model": {"style": "rule", "ground_truth": sample.target().to_json()},
        "extra_info": {
            "index": index,
            "sample_id": sample.sample_id,
            "split": sample.split,
            "image_id": sample.image_id,
            "ann_id": sample.ann_id,
            "task": sample.task,
            "expression": sample.expression,
            # as JSON: a column has one type, and a file's 17 is not another's "17"
            "source_image_id": json.dumps(sample.source_image_id),
            "category_id": json.dumps(sample.category_id),
            "category": sample.category,
        },
    }
