"""Oracle IoU of `fit` and of Douglas-Peucker at equal vertices, by our rasteriser and by exact areas.

    python -m benchmarks.exact_area annotations.json -n 2000

`fit` chooses vertices by the pixels that OpenCV would paint, so OpenCV favours it.  Here the same answers are also
compared by area: an outline through the centres of border pixels, made wider by half a pixel all round (narrower for a
hole), against the squares of the mask's pixels, in 16 x 16 samples a pixel.
"""

import argparse
import math
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from evaluation.oracle import read_instances
from polygon import Codec, Mask, cli, mask_iou
from polygon.contour import signed_area
from polygon.grid import to_pixels

_SAMPLES = 16
_BISECTIONS = 10


def exact_iou(mask: Mask, truth_HW: NDArray[np.bool_]) -> float:
    """IoU of a mask's outlines and of bool (H, W) pixels by area."""
    height, width = truth_HW.shape
    rings = [to_pixels(ring_N2, height, width) for ring_N2 in mask.polygons]
    ys, xs = np.nonzero(truth_HW)
    corners_N2 = np.concatenate([*rings, [[xs.min(), ys.min()], [xs.max(), ys.max()]]])
    (x0, y0), (x1, y1) = corners_N2.min(axis=0), corners_N2.max(axis=0)
    canvas_HW = np.zeros(((y1 - y0 + 1) * _SAMPLES, (x1 - x0 + 1) * _SAMPLES), np.uint8)
    brush = np.ones((_SAMPLES, _SAMPLES), np.uint8)
    for ring_N2, normalised_N2 in zip(rings, mask.polygons, strict=True):
        inside_HW = np.zeros_like(canvas_HW)
        centres_N2 = (ring_N2 - (x0, y0)) * _SAMPLES + _SAMPLES // 2
        cv2.fillPoly(inside_HW, [centres_N2.astype(np.int32)], 1)
        if signed_area(normalised_N2) > 0:
            canvas_HW |= cv2.dilate(inside_HW, brush)
        else:
            canvas_HW &= ~cv2.erode(inside_HW, brush)
    truth = cv2.resize(
        truth_HW[y0 : y1 + 1, x0 : x1 + 1].view(np.uint8), canvas_HW.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    return mask_iou(canvas_HW.view(np.bool_), truth.view(np.bool_))


def mean_vertices(codec: Codec, masks: list[NDArray[np.bool_]]) -> float:
    return float(np.mean([codec.encode(mask_HW).n_vertices for mask_HW in masks]))


def equal_codec(vertices: float, masks: list[NDArray[np.bool_]]) -> Codec:
    """Douglas-Peucker with the epsilon that gives as many vertices."""
    low, high = math.log(1e-4), math.log(0.1)
    for _ in tqdm(range(_BISECTIONS), desc="epsilon", leave=False):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if mean_vertices(Codec(epsilon=math.exp(middle)), masks) > vertices else (low, middle)
        )
    return Codec(epsilon=math.exp((low + high) / 2))


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description="Oracle IoU by two rasterisers at equal vertices.")
    parser.add_argument("annotations", help="COCO instances file")
    parser.add_argument("-n", type=int, default=2000, help="instances (default 2000)")
    options = parser.parse_args()
    masks = [mask_HW for mask_HW, _ in islice(read_instances(options.annotations, 64), options.n)]
    fit = Codec(simplify="fit")
    vertices = mean_vertices(fit, masks)
    found = {}
    print(f"{len(masks)} instances\n\n| codec | vertices | IoU by OpenCV | IoU by area |\n|---|---|---|---|")
    for name, codec in {"fit": fit, "Douglas-Peucker": equal_codec(vertices, masks)}.items():
        ious = []
        for mask_HW in tqdm(masks, desc=name, leave=False):
            region = codec.encode(mask_HW)
            ious.append((mask_iou(codec.rasterise(region, *mask_HW.shape), mask_HW), exact_iou(region, mask_HW)))
        found[name] = np.array(ious)
        painted, area = found[name].mean(axis=0)
        print(f"| {name} | {mean_vertices(codec, masks):.2f} | {painted:.4f} | {area:.4f} |")
    difference_N2 = found["fit"] - found["Douglas-Peucker"]
    lead, error = difference_N2.mean(axis=0), difference_N2.std(axis=0, ddof=1) / math.sqrt(len(masks))
    print(f"\nfit leads by {lead[0]:.4f} ± {error[0]:.4f} by OpenCV, by {lead[1]:.4f} ± {error[1]:.4f} by area")


if __name__ == "__main__":
    main()
