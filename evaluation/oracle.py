"""The codec's ceiling: the IoU of real masks with themselves, after being written as text and read back.

    python -m evaluation.oracle annotations=instances.json codec.epsilon=0.005
    python -m evaluation.oracle annotations=instances.json codec=fit codec.tolerance=0.0072
    python -m evaluation.oracle annotations=instances.json codec=reference tokenizer=Qwen/Qwen2.5-VL-7B-Instruct

Prints JSON. A model that answered perfectly would score this, so it belongs beside every result. Every instance goes
the whole way: mask -> polygons -> text -> parser -> polygons -> mask.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from conf import command
from data.coco_instances import Instances
from evaluation.inputs.bad_rows import BadRows
from polygon import MAX_VERTICES, Codec, Mask, UserError, mask_iou, segmentation_mask

SMALL_AREA = 32 * 32
"""COCO's limit of a small object, in pixels."""

TOKENIZER_FILES = ["*.json", "*.jinja", "*.txt", "*.model"]

Instance = tuple[NDArray[np.bool_], float]
"""A mask, bool (H, W), and its area in pixels."""


def read_instances(annotations: str | Path, min_area: float, bad: BadRows | None = None) -> Iterator[Instance]:
    """The instances of a COCO file that are no crowd and larger than `min_area` pixels.

    What cannot be used is counted in `bad`. Raises UserError for a file that is none.
    """
    found, bad = Instances.read(Path(annotations)), BadRows() if bad is None else bad
    for item in found.annotations.values():
        photo, parts = found.photos.get(item.image_id), item.segmentations()
        if item.is_crowd:
            continue
        try:
            if item.problem or photo is None or not (photo.height and photo.width) or not parts:
                reason = item.problem or ("no segmentation" if not parts else f"no size of image {item.image_id}")
                raise UserError(reason)
            mask_HW = segmentation_mask(parts[0], photo.height, photo.width)
            for part in parts[1:]:
                mask_HW = mask_HW | segmentation_mask(part, photo.height, photo.width)
        except UserError as error:
            bad.add("bad_annotation", f"annotation {item.id}: {error}")
            continue
        area = item.area or float(np.count_nonzero(mask_HW))
        if area > min_area:
            yield mask_HW, area


def measure(codec: Codec, instances: Iterable[Instance], count_tokens: Callable[[str], int] | None = None) -> dict:
    """Oracle figures of a codec: n, mean_iou, mean_iou_small, p5_iou (5th percentile), mean_vertices, mean_tokens.

    A figure is None where nothing was counted (no small object, no tokenizer). Raises UserError without instances.
    """
    ious, areas, vertices, tokens = [], [], [], []
    for mask_HW, area in instances:
        text = codec.text(mask_HW)
        region = codec.parse(text, "mask").region
        if not isinstance(region, Mask):
            raise UserError(f"an instance takes more than {MAX_VERTICES} vertices: raise codec.epsilon or .tolerance")
        ious.append(mask_iou(codec.rasterise(region, *mask_HW.shape), mask_HW))
        areas.append(area)
        vertices.append(region.n_vertices)
        if count_tokens:
            tokens.append(count_tokens(text))
    if not ious:
        raise UserError("no instance to measure: lower min_area, or give another annotations file")
    small = [iou for iou, area in zip(ious, areas, strict=True) if area < SMALL_AREA]
    return {
        "n": len(ious),
        "n_small": len(small),
        "mean_iou": _mean(ious),
        "mean_iou_small": _mean(small),
        "p5_iou": round(float(np.percentile(ious, 5)), 4),
        "mean_vertices": _mean(vertices),
        "mean_tokens": _mean(tokens),
    }


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def token_counter(tokenizer: str, *, trust_remote_code: bool = False) -> Callable[[str], int]:
    """Count tokens with a transformers tokenizer, a folder or a name. Raises UserError where there is none."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
        from transformers import AutoTokenizer
    except ImportError as error:
        raise UserError(
            "counting tokens needs transformers: install the extra cpu or gpu, or drop tokenizer="
        ) from error
    try:
        # Not left to AutoTokenizer: without a network it tries again for a minute, and says so on 20 lines.
        folder = tokenizer if Path(tokenizer).is_dir() else snapshot_download(tokenizer, allow_patterns=TOKENIZER_FILES)
        loaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(
            f"tokenizer={tokenizer} is no transformers tokenizer ({reason}): give its folder or name"
        ) from error
    return lambda text: len(loaded(text, add_special_tokens=False)["input_ids"])


@command("oracle")
def main(cfg: DictConfig) -> None:
    if cfg.annotations is None:
        raise UserError("no annotations: give a COCO instances file as annotations=FILE.json")
    codec = Codec.from_config(cfg.codec)
    count_tokens = token_counter(cfg.tokenizer) if cfg.tokenizer else None
    bad = BadRows()
    figures = measure(codec, read_instances(cfg.annotations, cfg.min_area, bad), count_tokens)
    report: dict[str, Any] = {"annotations": cfg.annotations, "min_area": cfg.min_area, "codec": asdict(codec)}
    if bad.counts:
        report["left_out"] = bad.in_words()
    print(json.dumps(report | figures, indent=2))


if __name__ == "__main__":
    main()
