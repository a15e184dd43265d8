"""cIoU of held-out answers and the codec's ceiling, from a run's `answers/`."""

import json

import numpy as np
import pytest
import yaml
from pycocotools import mask as coco

from experiments.collect import plots
from experiments.held_out import CEILING, CIOU
from experiments.runs import find_runs
from experiments.tables import block
from polygon import Codec, Target, UserError, rle_encode

CODEC = {"epsilon": 0.01, "precision": 2}
SQUARE, HALF, TRIANGLE = (
    "[[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]]",
    "[[[0.25, 0.25], [0.50, 0.25], [0.50, 0.75], [0.25, 0.75]]]",
    "[[[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]]",
)


def disc(radius: int) -> np.ndarray:
    rows, columns = np.ogrid[:100, :100]
    return (rows - 50) ** 2 + (columns - 50) ** 2 < radius**2


def answer(text: str, mask_HW: np.ndarray) -> str:
    target = Target("mask", "text2mask", 100, 100, rle_encode(mask_HW), None)
    return json.dumps({"output": text, "gts": target.to_json(), "score": 1.0}) + "\n"


def test_ciou_and_ceiling_of_held_out_answers(sweep):
    """Areas as pycocotools counts them: of masks as run lengths, which our rasteriser has no part in."""
    codec = Codec.from_config(CODEC)
    masks = (codec.rasterise(codec.parse(text, "mask").region, 100, 100) for text in (SQUARE, HALF, TRIANGLE))
    square, half, triangle = masks
    before, after = [(HALF, square), ("no", disc(20)), (TRIANGLE, disc(30))], [(SQUARE, square), (SQUARE, disc(20))]
    folder = sweep / "algo-grpo/seed0"
    (folder / "answers").mkdir()
    for step, rows in ((0, before), (12, after)):
        (folder / f"answers/{step}.jsonl").write_text("".join(answer(*row) for row in rows))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"codec": CODEC}))

    def areas(*pairs) -> float:
        both = [[coco.encode(np.asfortranarray(mask, np.uint8)) for mask in pair] for pair in pairs]
        shared = sum(int(coco.area(coco.merge(pair, intersect=True))) for pair in both)
        return shared / sum(int(coco.area(coco.merge(pair))) for pair in both)

    run = find_runs(sweep)[0]
    nothing = np.zeros((100, 100), bool)
    assert run.curves[CIOU] == {
        0: pytest.approx(areas((half, square), (nothing, disc(20)), (triangle, disc(30))), rel=1e-4),
        12: pytest.approx(areas((square, square), (square, disc(20))), rel=1e-4),
    }
    assert 0.9 < run.curves[CEILING][0] < run.curves[CEILING][12] < 1
    assert f"| {run.curves[CIOU][12]:.3f} | {run.curves[CEILING][0]:.3f} |" in block([run])

    shown = plots([run], "![](tokens.svg)")
    assert shown.keys() == {"curves.svg", "tokens.svg"} and shown["tokens.svg"].count("<circle") == 1
    (folder / "answers/12.jsonl").write_text("{")
    with pytest.raises(UserError, match=r"12.jsonl:1: not an answer"):
        find_runs(sweep)
