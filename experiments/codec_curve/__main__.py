"""IoU against vertices and tokens for three codecs, each at 3 decimals, 2 decimals and whole numbers of 0 to 999.

    python -m experiments.codec_curve instances.json --tokenizer Qwen/Qwen2.5-VL-7B-Instruct

Measures the oracle of every setting (evaluation/oracle.py) on the instances of a COCO file, keeps the figures in
curve.jsonl, a line as soon as it is there, and draws curve.svg from all of them. Settings that the file has already are
not measured again, so a run that was stopped goes on. Prints the table of README.md.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from evaluation.oracle import measure, read_instances, token_counter
from experiments.codec_curve.plot import svg
from polygon import Codec, cli
from polygon.markdown import markdown_table

EPSILONS = (0.0025, 0.005, 0.01, 0.02)
TOLERANCES = (0.0005, 0.001, 0.002, 0.004, 0.0065, 0.012)
NUMBERS = {"3 decimals": {}, "2 decimals": {"precision": 2}, "0-999": {"integers": True}}
COLUMNS = ("codec", "numbers", "tolerance", "vertices", "tokens", "IoU", "under 32 x 32 px", "5th percentile")


def settings() -> Iterator[tuple[str, str, float, Codec]]:
    """Codec's name, how it writes numbers, its tolerance, and the codec."""
    for numbers, options in NUMBERS.items():
        for epsilon in EPSILONS:
            yield "reference", numbers, epsilon, Codec(epsilon=epsilon, decode="reference", holes=False, **options)
        for epsilon in EPSILONS:
            yield "Douglas-Peucker", numbers, epsilon, Codec(epsilon=epsilon, **options)
        for tolerance in TOLERANCES:
            yield "fit", numbers, tolerance, Codec(simplify="fit", tolerance=tolerance, **options)


def table(rows: list[dict]) -> str:
    """The figures as a Markdown table."""
    cells = []
    for row in rows:
        tokens = "-" if row["mean_tokens"] is None else f"{row['mean_tokens']:.0f}"
        ious = (f"{row[name]:.4f}" for name in ("mean_iou", "mean_iou_small", "p5_iou"))
        cells.append((row["name"], row["numbers"], f"{row['tolerance']}", f"{row['mean_vertices']:.1f}", tokens, *ious))
    return markdown_table(COLUMNS, cells)


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("annotations", help="COCO instances file")
    parser.add_argument("--tokenizer", help="a transformers tokenizer, folder or name, to count tokens")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of curve.jsonl and curve.svg")
    parser.add_argument("-n", type=int, help="the first so many instances (default all)")
    options = parser.parse_args()
    count_tokens = token_counter(options.tokenizer) if options.tokenizer else None

    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "curve.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    for name, numbers, tolerance, codec in settings():
        if any((row["name"], row["codec"]) == (name, asdict(codec)) for row in rows):
            continue
        figures = measure(codec, islice(read_instances(options.annotations, 64), options.n), count_tokens)
        rows.append({"name": name, "numbers": numbers, "tolerance": tolerance} | figures | {"codec": asdict(codec)})
        with file.open("a") as stream:
            stream.write(json.dumps(rows[-1]) + "\n")
    (options.out / "curve.svg").write_text(svg(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
