"""How long the codec takes an instance: encode, format, parse, rasterise, on one core.

    python -m benchmarks.codec                          # synthetic instances of 640 x 480 pixels
    python -m benchmarks.codec annotations.json         # those of a COCO file, in images of their own size

CPU time of this process, mean over the instances, best of five passes; benchmarks/README.md keeps its tables.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.oracle import read_instances
from polygon import Codec, cli, parse

HEIGHT, WIDTH = 480, 640
PASSES = 5
CODECS = {
    "eps 0.005 (default)": Codec(),
    "fit": Codec(simplify="fit"),
    "eps 0.001": Codec(epsilon=0.001),
    "budget of 16": Codec(max_vertices=16),
    "reference": Codec(decode="reference", holes=False),
}


def synthetic(n: int) -> list[NDArray[np.bool_]]:
    """Wavy blobs of 20 to 200 pixels' radius, every fourth with a hole; bool (HEIGHT, WIDTH) each."""
    rng = np.random.default_rng(0)
    angle_N = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    masks = []
    for index in range(n):
        waves_K1 = rng.normal(0, 0.08, (8, 1))
        phases_K1 = rng.uniform(0, 2 * np.pi, (8, 1))
        frequencies_K1 = np.arange(2, 10)[:, None]
        radius_N = 1 + (waves_K1 * np.sin(frequencies_K1 * angle_N + phases_K1)).sum(axis=0)
        radius_N *= rng.uniform(20, 200)
        ring_N2 = np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1) * radius_N[:, None] + (WIDTH / 2, HEIGHT / 2)
        mask_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(mask_HW, [np.rint(ring_N2).astype(np.int32)], 1)
        if index % 4 == 0:
            cv2.circle(mask_HW, (WIDTH // 2, HEIGHT // 2), int(radius_N.min() / 2), 0, -1)
        masks.append(mask_HW.view(np.bool_))
    return masks


def microseconds(call: Callable[..., Any], arguments: Iterable[tuple]) -> float:
    """CPU time a call, in microseconds."""
    arguments = list(arguments)
    best = float("inf")
    for _ in range(PASSES):
        started = time.process_time()
        for each in arguments:
            call(*each)
        best = min(best, time.process_time() - started)
    return best / len(arguments) * 1e6


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description="How long the codec takes an instance.")
    parser.add_argument("annotations", nargs="?", help="COCO instances file; without it, synthetic instances")
    parser.add_argument("-n", type=int, default=500, help="instances (default 500)")
    options = parser.parse_args()
    if options.annotations:
        masks = [mask_HW for mask_HW, _ in islice(read_instances(options.annotations, 64), options.n)]
    else:
        masks = synthetic(options.n)

    print(f"{len(masks)} instances, microseconds each\n")
    print("| codec | vertices | encode | format | parse | rasterise |\n|---|---|---|---|---|---|")
    for name, codec in CODECS.items():
        regions = [codec.encode(mask_HW) for mask_HW in masks]
        texts = [codec.format(region) for region in regions]
        times = (
            microseconds(codec.encode, ((mask_HW,) for mask_HW in masks)),
            microseconds(codec.format, ((region,) for region in regions)),
            microseconds(parse, ((text, "mask") for text in texts)),
            microseconds(
                codec.rasterise, ((region, *mask_HW.shape) for region, mask_HW in zip(regions, masks, strict=True))
            ),
        )
        vertices = sum(region.n_vertices for region in regions) / len(regions)
        print(f"| {name} | {vertices:.0f} | " + " | ".join(f"{figure:.0f}" for figure in times) + " |", flush=True)


if __name__ == "__main__":
    main()
