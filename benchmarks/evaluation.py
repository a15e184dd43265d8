"""How long scoring takes and how much memory it keeps: predictions at 640 x 480 pixels on one core.

    python -m benchmarks.evaluation               # 10,000 predictions: RES metrics, then with all boundary metrics
    python -m benchmarks.evaluation -n 2000

The samples stream by as `evaluation.run` has them, but for the image files: masks of benchmarks/codec.py, answered with
the same object shifted, swollen or shrunk by a few pixels, one in twenty unreadable. Time is wall clock and CPU; memory
is the peak of the process, at a tenth of the predictions and at all of them, so that growth shows. Each measurement is
a process of its own.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.codec import HEIGHT, WIDTH, synthetic
from data.sample import Sample
from evaluation.evaluate import evaluate
from evaluation.measures.boundary import BoundarySettings
from evaluation.prediction import Prediction
from evaluation.statistics.scores import Scores
from polygon import Codec, cli, mask_box, rle_encode

DISTINCT = 100
"""Different masks; predictions and samples are made of them over and over, before the clock starts."""
MODES = {"RES": None, "RES and boundary": BoundarySettings()}


def material(codec: Codec) -> list[tuple[dict, tuple, str]]:
    """(run lengths, box, answer) of each distinct mask."""
    rng = np.random.default_rng(0)
    rows = []
    for index, mask_HW in enumerate(synthetic(DISTINCT)):
        box = mask_box(mask_HW)
        size = int(rng.integers(1, 6))
        change = cv2.dilate if index % 2 else cv2.erode
        moved_HW = np.roll(change(mask_HW.view(np.uint8), np.ones((size, size))), rng.integers(-9, 10, 2), axis=(0, 1))
        text = "I cannot see it." if index % 20 == 7 else codec.text(moved_HW)
        rows.append((rle_encode(mask_HW), (box.x0, box.y0, box.x1, box.y1), text))
    return rows


def samples(rows: list[tuple[dict, tuple, str]], n: int) -> Iterator[Sample]:
    for index in range(n):
        rle, box, _ = rows[index % len(rows)]
        yield Sample(
            sample_id=f"benchmark-{index:07d}",
            source="benchmark",
            split="val",
            task="text2mask",
            image="",
            height=HEIGHT,
            width=WIDTH,
            expression="the blob in the middle",
            prompt_region=None,
            rle=rle,
            box=box,
            image_id=str(index // 3),
            ann_id=str(index),
        )


def measure(n: int, mode: str, results: multiprocessing.Queue) -> None:
    """Seconds of wall clock and CPU, and peak memory in MB before and after."""
    cv2.setNumThreads(1)
    codec = Codec()
    rows = material(codec)
    predictions = (
        Prediction(f"benchmark-{index:07d}", rows[index % len(rows)][2], tokens=300, finish="stop")
        for index in range(n)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    scores: Scores = evaluate(predictions, samples(rows, n), codec, boundary=MODES[mode])
    scored = time.perf_counter() - wall, time.process_time() - cpu
    content = scores.to_json(slices=("area", "parts", "holes"))
    value = content["tasks"]["text2mask"]["metrics"]["gIoU"]["value"]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((*scored, time.perf_counter() - wall - scored[0], before / 1024, after / 1024, value))


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description="How long scoring takes and how much memory it keeps.")
    parser.add_argument("-n", type=int, default=10_000, help="predictions (default 10000)")
    n_all = parser.parse_args().n
    spawned = multiprocessing.get_context("spawn")  # a fork would inherit this process's memory
    results = spawned.Queue()
    print("| metrics | predictions | scored, s (CPU) | intervals and slices, s | memory before, MB | peak, MB | gIoU |")
    print("|---|---|---|---|---|---|---|")
    for mode in MODES:
        for n in (n_all // 10, n_all):
            process = spawned.Process(target=measure, args=(n, mode, results))
            process.start()
            wall, cpu, rest, before, after, value = results.get()
            process.join()
            figures = f"{wall:.1f} ({cpu:.1f}) | {rest:.1f} | {before:.0f} | {after:.0f} | {value:.3f}"
            print(f"| {mode} | {n:,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
