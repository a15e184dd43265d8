"""Which way answers run and where they begin, before and after training.

    python -m experiments.order [outputs/order]

Of the first ring of every held-out answer (`answers/STEP.jsonl` of each run below the folder): the share that runs
clockwise, and the shares that begin right of, below, left of and above the mean of their vertices, a quarter each.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from experiments.held_out import read_answers
from polygon import Codec, Polygon, UserError, cli
from polygon.contour import signed_area
from polygon.markdown import markdown_table

SIDES = ("right", "below", "left", "above")  # clockwise, y points down


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=Path, nargs="?", default=Path("outputs/order"), help="folder of runs")
    folder = parser.parse_args().runs
    rows = []
    for answers in sorted(folder.rglob("answers")):
        codec = Codec.from_config(yaml.safe_load((answers.parent / "config.yaml").read_text())["codec"])
        for file in sorted(answers.glob("*.jsonl"), key=lambda file: int(file.stem)):
            regions = [codec.parse(text, "mask").region for text, _ in read_answers(file)]
            rings = [region.polygons[0] for region in regions if region is not None and region.polygons]
            rows.append((str(answers.parent.relative_to(folder)), file.stem, *shares(rings)))
    if not rows:
        raise UserError(f"{folder} holds no run with held-out answers: name the folder of a sweep")
    print(markdown_table(("run", "step", "clockwise", *SIDES), rows))


def shares(rings: Iterable[Polygon]) -> list[str]:
    """Of clockwise rings, then of those that begin on each side."""
    found = [(signed_area(ring_N2) > 0, side(ring_N2)) for ring_N2 in rings]
    sides = Counter(name for _, name in found)
    counts = [sum(clockwise for clockwise, _ in found), *(sides[name] for name in SIDES)]
    return [f"{count / len(found):.2f}" if found else "-" for count in counts]


def side(ring_N2: Polygon) -> str:
    """Where the first vertex lies, seen from the mean of all."""
    x, y = ring_N2[0] - ring_N2.mean(axis=0)
    if abs(x) > abs(y):
        return "right" if x > 0 else "left"
    return "below" if y > 0 else "above"


if __name__ == "__main__":
    main()
