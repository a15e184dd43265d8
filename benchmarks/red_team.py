"""Tricks against the rewards: what each pays beside the honest answer that it is made of.

    python -m benchmarks.red_team [--annotations instances.json] [-n 200] [--search 20]

Honest answers are the right one and two mediocre ones (the right outline shrunk about its centre, and a coarse one).
A trick edits such an answer; a random search tries further edits of the same kinds. A row of the table is a trick, over
all objects, honest answers and recipes of conf/rewards: the largest difference of its total to the honest answer's.
Above 0 it pays. Without annotations the objects are those of the scenes of `shapes_hard`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from omegaconf import OmegaConf

from data.coco_instances import Instances
from data.sources import open_source
from polygon import Codec, Mask, Target, UserError, cli, rle_encode, segmentation_mask
from rewards import Rewards

PAYS = 1e-6  # rounding of the distance term is below
CONF = Path(__file__).parents[1] / "conf"
Ring = NDArray[np.float64]
Trick = Callable[[list[Ring], Callable[[list[Ring]], str], np.random.Generator], str]
"""(rings, how the codec writes rings, chance) -> a text"""


def moved(ring_N2: Ring, scale: float = 1.0, dx: float = 0.0, dy: float = 0.0) -> Ring:
    """Scaled about its centre and shifted; normalised."""
    centre = ring_N2.mean(0)
    return np.clip((ring_N2 - centre) * scale + centre + (dx, dy), 0, 1)


def with_copies(rings: list[Ring], *copies: tuple[float, float, float]) -> list[Ring]:
    return rings + [moved(rings[0], *copy) for copy in copies]


def _around(radius: float, count: int) -> list[tuple[float, float, float]]:
    angles = 2 * np.pi * np.arange(count) / count
    return [(1.0, radius * np.cos(a), radius * np.sin(a)) for a in angles.tolist()]


def _mosaic(rings: list[Ring], side: int) -> list[Ring]:
    """Squares side by side over the box of the first ring, those whose centre it encloses."""
    import cv2

    low, high = rings[0].min(0), rings[0].max(0)
    step = (high - low) / side
    squares = [low + step * (i, j) + step * np.array([(0, 0), (0.9, 0), (0.9, 0.9), (0, 0.9)])
               for i in range(side) for j in range(side)]  # fmt: skip
    contour = rings[0].astype(np.float32)
    return [s for s in squares if cv2.pointPolygonTest(contour, tuple(s.mean(0).tolist()), False) >= 0] or rings


TRICKS: dict[str, Trick] = {
    "30 copies shifted by 0.001 each": lambda r, w, c: w(with_copies(r, *[(1.0, 1e-3 * k, 0.0) for k in range(1, 31)])),
    "8 copies around, 0.005 away": lambda r, w, c: w(with_copies(r, *_around(0.005, 8))),
    "4 copies around, 0.02 away": lambda r, w, c: w(with_copies(r, *_around(0.02, 4))),
    "one copy, larger": lambda r, w, c: w(with_copies(r, (1.1, 0.0, 0.0))),
    "one copy, smaller": lambda r, w, c: w(with_copies(r, (0.6, 0.0, 0.0))),
    "the same ring 20 times": lambda r, w, c: w(r * 20),
    "the same ring, then the other way round": lambda r, w, c: w([*r, r[0][::-1]]),
    "a larger ring the other way round": lambda r, w, c: w([*r, moved(r[0], 1.05)[::-1]]),
    "one vertex 1,500 times": lambda r, w, c: w([np.concatenate([np.repeat(r[0][:1], 1500, 0), r[0]]), *r[1:]]),
    "every vertex twice": lambda r, w, c: w([np.repeat(ring, 2, 0) for ring in r]),
    "two vertices in turn, 100 times": lambda r, w, c: w([np.concatenate([np.tile(r[0][:2], (100, 1)), r[0]]), *r[1:]]),
    "every edge three times, to and fro": lambda r, w, c: w([_to_and_fro(ring) for ring in r]),
    "32 decimals": lambda r, w, c: _decimals(r, 32),
    "one decimal more": lambda r, w, c: _decimals(r, 4),
    "the answer twice": lambda r, w, c: f"{w(r)} {w(r)}",
    "another answer behind it": lambda r, w, c: f"{w(r)} {w([moved(r[0], 1.0, 0.01)])}",
    "prose around it": lambda r, w, c: f"The polygon is {w(r)}. I am sure!",
    "thinking before it": lambda r, w, c: f"<think>0.1, 0.2</think><answer>{w(r)}</answer>",
    "no closing brackets": lambda r, w, c: w(r).rstrip("]") + "]",
    "a mosaic of squares, 4 a side": lambda r, w, c: w(_mosaic(r, 4)),
    "a mosaic of squares, 12 a side": lambda r, w, c: w(_mosaic(r, 12)),
    "40 specks": lambda r, w, c: w(r + [_speck(c) for _ in range(40)]),
    "a hole half outside": lambda r, w, c: w([*r, moved(r[0], 0.5, 0.25 * np.ptp(r[0][:, 0]))[::-1]]),
    "the whole image behind it": lambda r, w, c: w([*r, np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)]),
    "a hole that leaves nothing, behind the first": lambda r, w, c: w([r[0], moved(r[0], 1.02)[::-1], *r[1:]]),
}


def _to_and_fro(ring_N2: Ring) -> Ring:
    behind_N2 = np.roll(ring_N2, -1, 0)
    return np.stack([ring_N2, behind_N2, ring_N2], 1).reshape(-1, 2)


def _decimals(rings: list[Ring], count: int) -> str:
    numbers = [[[f"{value:.{count}f}" for value in vertex] for vertex in ring.tolist()] for ring in rings]
    return str(numbers).replace("'", "")


def _speck(chance: np.random.Generator) -> Ring:
    return np.clip(chance.random(2) + np.array([(0, 0), (0.02, 0), (0.02, 0.02)]), 0, 1)


def searched(rings: list[Ring], write: Callable[[list[Ring]], str], chance: np.random.Generator) -> str:
    """One to four random edits that leave the honest rings as they are and add to them, or to the text."""
    made, text = list(rings), None
    for _ in range(chance.integers(1, 5)):
        ring = made[chance.integers(len(made))]
        match chance.integers(5):
            case 0:
                made.append(moved(ring, chance.uniform(0.5, 1.3), *chance.normal(0, 0.01, 2)))
            case 1:
                made.append(moved(ring, chance.uniform(0.8, 1.2), *chance.normal(0, 0.003, 2))[::-1])
            case 2:
                made[0] = np.repeat(made[0], chance.integers(1, 4, len(made[0])), 0)
            case 3:
                made[0] = _to_and_fro(made[0])
            case _:
                text = ["Here: {}", "{} {}", "{}]", "[{}]", "{},"][chance.integers(5)]
    return text.replace("{}", write(made)) if text else write(made)


def honest(codec: Codec, mask_HW: NDArray[np.bool_]) -> dict[str, Mask]:
    right = codec.encode(mask_HW)
    shrunk = Mask(tuple(moved(ring, 0.8).round(codec.precision) for ring in right.polygons))
    coarse = Codec(epsilon=0.05, precision=codec.precision).encode(mask_HW)
    return {"the right answer": right, "shrunk": shrunk, "coarse": coarse}


Weights = dict[str, dict[str, float]]


def recipes(codec: Codec) -> tuple[Rewards, Weights]:
    """All terms of the recipes of conf/rewards, and the weights of each recipe: terms of one name are one term."""
    terms, weights = {}, {}
    with initialize_config_dir(str(CONF), version_base=None):
        for path in sorted((CONF / "rewards").glob("*.yaml")):
            recipe = {name: term for name, term in compose("gold", [f"rewards={path.stem}"]).rewards.items() if term}
            weights[path.stem] = {str(name): term.weight for name, term in recipe.items()}
            terms |= recipe
    return Rewards(terms, codec), weights


def totals(rewards: Rewards, weights: Weights, text: str, target: Target) -> dict[str, float]:
    """By recipe."""
    terms = rewards.score(text, target).terms
    return {
        recipe: sum(weight * (terms[name] or 0.0) for name, weight in of_recipe.items())
        for recipe, of_recipe in weights.items()
    }


def gains(
    mask_HW: NDArray[np.bool_], rewards: Rewards, weights: Weights, seed: int, search: int
) -> Iterator[tuple[str, str, str, float]]:
    """(trick, honest answer, recipe, total less the honest one's) of one object."""
    codec = rewards.codec
    target = Target("mask", "text2mask", *mask_HW.shape, rle_encode(mask_HW), None)
    nothing = Target("mask", "text2mask", *mask_HW.shape, rle_encode(np.zeros_like(mask_HW)), None)

    def write(rings: list[Ring]) -> str:
        return codec.format(Mask(tuple(rings)))

    for kind, answer in honest(codec, mask_HW).items():
        rings, chance = list(answer.polygons), np.random.default_rng(seed)
        if not rings:
            continue
        tried = [(name, trick(rings, write, chance)) for name, trick in TRICKS.items()]
        tried += [("random search", searched(rings, write, chance)) for _ in range(search)]
        for asked, text, called in ((target, write(rings), kind), (nothing, "[]", "no target")):
            base = totals(rewards, weights, text, asked)
            for name, trick in tried:
                for recipe, total in totals(rewards, weights, trick, asked).items():
                    yield name, called, recipe, total - base[recipe]


def coco_masks(annotations: Path, count: int) -> Iterator[NDArray[np.bool_]]:
    instances = Instances.read(annotations)
    items = [item for item in instances.annotations.values() if not item.is_crowd and item.segmentations()]
    for item in items[:: max(1, len(items) // count)][:count]:
        photo = instances.photos[item.image_id]
        yield segmentation_mask(item.segmentations()[0], photo.height, photo.width)


def scene_masks(count: int) -> Iterator[NDArray[np.bool_]]:
    with initialize_config_dir(str(CONF), version_base=None):
        source = open_source(OmegaConf.to_container(compose("prepare", ["dataset=shapes_hard"]).dataset, resolve=True))
    for index in range(count):
        mask_HW = source.sample("train", index, "text2mask").target().mask
        if mask_HW.any():
            yield mask_HW


def table(found: dict[str, list[tuple[float, str, str]]]) -> str:
    rows = ["| trick | pays at most | of, with | mean | tried |", "|---|---|---|---|---|"]
    for name, values in sorted(found.items(), key=lambda item: -max(item[1])[0]):
        most, kind, recipe = max(values)
        mean = sum(value for value, _, _ in values) / len(values)
        rows.append(f"| {name} | {most:+.3f} | {kind}, {recipe} | {mean:+.3f} | {len(values):,} |")
    return "\n".join(rows)


def run(masks: Iterator[NDArray[np.bool_]], codec: Codec, search: int) -> dict[str, list[tuple[float, str, str]]]:
    (rewards, weights), found = recipes(codec), {}
    for seed, mask_HW in enumerate(masks):
        for name, kind, recipe, gain in gains(mask_HW, rewards, weights, seed, search):
            found.setdefault(name, []).append((gain, kind, recipe))
    return found


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, help="COCO instances; none: scenes of shapes_hard")
    parser.add_argument("-n", type=int, default=200, help="objects")
    parser.add_argument("--search", type=int, default=20, help="random edits of each honest answer")
    arguments = parser.parse_args()
    if arguments.n < 1 or arguments.search < 0:
        raise UserError("-n is a number of objects from 1, --search one of edits from 0")
    masks = coco_masks(arguments.annotations, arguments.n) if arguments.annotations else scene_masks(arguments.n)
    found = run(masks, Codec(), arguments.search)
    print(table(found))
    if pays := [name for name, values in found.items() if max(values)[0] > PAYS]:
        print(f"\n{len(pays)} of {len(found)} tricks pay: {json.dumps(pays)}")
        sys.exit(1)
    print(f"\nnone of {len(found)} tricks pays")


if __name__ == "__main__":
    main()
