"""A folder like the RefCOCO series on disk, made up: as many images, objects and expressions, real files to open.

Why: the series is tens of gigabytes and its licence is its own; how fast it is prepared depends on sizes alone.
How: `write_series(Path("series"))`; `scale=0.01` makes a hundredth of it.

Objects are wavy outlines of 20 to 60 vertices, one in five of two parts; RefCLEF's are run lengths, as published.
An `instances.json` has three times the objects that are referred to, also as published.  Every photograph is one flat
colour of 640 x 480 pixels: reading pixels is not what is measured.
"""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np

from polygon import rle_encode

HEIGHT, WIDTH = 480, 640
# dataset: split_by, images, references, expressions a reference, photographs (Yu et al. 2016, Mao et al. 2016)
DATASETS = {
    "refcoco": ("unc", 19_994, 50_000, (2, 3, 3, 3), "mscoco"),
    "refcoco+": ("unc", 19_992, 49_856, (2, 3, 3, 3), "mscoco"),
    "refcocog": ("umd", 25_799, 49_822, (1, 2, 2, 2), "mscoco"),
    "refclef": ("unc", 19_894, 96_654, (1, 1, 1, 2), "saiapr"),
}
FOLDERS = {
    "mscoco": ("images/mscoco/images/train2014", "COCO_train2014_{:012d}.jpg"),
    "saiapr": ("images/saiapr_tc-12", "{}.jpg"),
}
_SPLITS = ("train",) * 17 + ("val", "testA", "testB")
_WORDS = ("the", "man", "woman", "dog", "cup", "in", "on", "left", "right", "of", "red", "blue", "front", "big")


def write_series(root: Path, scale: float = 1.0) -> None:
    """Write DATASETS below `root`, the same files each time; about 600 MB and a minute at full scale."""
    rng = np.random.default_rng(0)
    for photographs in FOLDERS:
        n_images = max(count(images, scale) for _, images, _, _, kind in DATASETS.values() if kind == photographs)
        write_photographs(root, photographs, n_images, rng)
    for name, (split_by, images, references, expressions, photographs) in DATASETS.items():
        n_images, n_references = count(images, scale), count(references, scale)
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        # Datasets over the same photographs begin at other ones: their splits then share images as the real ones do.
        first = list(DATASETS).index(name) * n_images // 10
        write_instances(folder / "instances.json", photographs, n_images, n_references, rng)
        refs = [
            {
                "ref_id": number,
                "ann_id": 3 * number,
                "image_id": number % n_images + 1,
                "split": _SPLITS[(number + first) % n_images * len(_SPLITS) // n_images],
                "sentences": [{"sent": sentence(rng)} for _ in range(expressions[number % len(expressions)])],
            }
            for number in range(n_references)
        ]
        with (folder / f"refs({split_by}).p").open("wb") as file:
            pickle.dump(refs, file, protocol=2)


def count(full: int, scale: float) -> int:
    return max(20, round(full * scale))


def write_photographs(root: Path, photographs: str, n_images: int, rng: np.random.Generator) -> None:
    place, pattern = FOLDERS[photographs]
    (root / place).mkdir(parents=True, exist_ok=True)
    colours = rng.integers(0, 256, (64, 3)).tolist()
    encoded = [cv2.imencode(".jpg", np.full((HEIGHT, WIDTH, 3), colour, np.uint8))[1].tobytes() for colour in colours]
    for number in range(1, n_images + 1):
        (root / place / pattern.format(number)).write_bytes(encoded[number % len(encoded)])


def write_instances(path: Path, photographs: str, n_images: int, n_references: int, rng: np.random.Generator) -> None:
    pattern = FOLDERS[photographs][1]
    photos = [
        {"id": number, "file_name": pattern.format(number), "height": HEIGHT, "width": WIDTH}
        for number in range(1, n_images + 1)
    ]
    others = [segmentation(photographs, rng) for _ in range(1000)]  # nobody refers to them, so they may repeat
    with path.open("w") as file:  # piece by piece: whole, it would be a gigabyte of floats
        file.write(f'{{"images": {json.dumps(photos)}, "categories": [{{"id": 1, "name": "thing"}}],')
        file.write(' "annotations": [\n')
        for number in range(3 * n_references):
            # Three objects in a row are of one image: the first of them is the one referred to.
            node = f'"id": {number}, "image_id": {number // 3 % n_images + 1}, "category_id": 1, "iscrowd": 0'
            outlined = others[number % len(others)] if number % 3 else segmentation(photographs, rng)
            file.write(f"{',' if number else ''}{{{node}, {outlined}}}\n")
        file.write("]}")


def segmentation(photographs: str, rng: np.random.Generator) -> str:
    """JSON of one object, polygons or for RefCLEF run lengths, and its box, as members of a node."""
    parts = [outline(rng).round(2) for _ in range(2 if photographs == "mscoco" and rng.random() < 0.2 else 1)]
    x0, y0 = np.min([part_N2.min(axis=0) for part_N2 in parts], axis=0).tolist()
    x1, y1 = np.max([part_N2.max(axis=0) for part_N2 in parts], axis=0).tolist()
    outlined: list = [part_N2.ravel().tolist() for part_N2 in parts]
    if photographs == "saiapr":
        mask_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(mask_HW, [part_N2.astype(np.int32) for part_N2 in parts], 1)
        outlined = [rle_encode(mask_HW)]
    return f'"bbox": {[x0, y0, x1 - x0, y1 - y0]}, "segmentation": {json.dumps(outlined)}'


def outline(rng: np.random.Generator) -> np.ndarray:
    """(N, 2) px, inside the image."""
    angle_N = np.linspace(0, 2 * np.pi, rng.integers(20, 61), endpoint=False)
    radius = rng.uniform(15, 150)
    wave_N = 1 + 0.15 * np.sin(3 * angle_N + rng.uniform(0, 6)) + rng.normal(0, 0.03, len(angle_N))
    centre_px = rng.uniform((0, 0), (WIDTH, HEIGHT))
    xy_N2 = centre_px + np.stack([np.cos(angle_N), np.sin(angle_N)], axis=1) * (radius * wave_N)[:, None]
    return xy_N2.clip((0, 0), (WIDTH - 1, HEIGHT - 1))


def sentence(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(_WORDS, rng.integers(2, 8)))
