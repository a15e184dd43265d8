"""The gold check: does the right answer to a row get full marks, term by term, up to what the codec loses?

    python -m evaluation.gold dataset=refcoco split=val codec=default rewards=simpleseg

Why: a reward that does not give the truth its maximum teaches something else: another codec than the data's, a
threshold above what the codec can reach, an outline too long for the parser, a term with a mistake in it.
How: the target of each row is written as an answer, read back and scored with the recipe.  A term may lose what the
codec lost, 1 - IoU of answer and target, and no more.  Prints a table by term and the worst rows, and writes JSON
(`output`); the exit code is 1 where a term lost more, or where the mean IoU is below `min_iou`.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice

import numpy as np
from omegaconf import DictConfig

from conf import command
from data.answer import answer_region
from data.rows import read_samples
from data.sample import Sample
from evaluation.report.table import format_table
from polygon import Box, Codec, Mask, UserError, box_iou, mask_iou
from polygon.output import write_whole
from rewards import Rewards

_ROUNDING = 1e-6


@dataclass(frozen=True)
class GoldRow:
    """One row: IoU of its gold answer with its target (1 for points, 0 for what cannot be read), and the raw terms."""

    sample_id: str
    task: str
    iou: float
    terms: dict[str, float]

    def failed(self, term: str) -> bool:
        """Whether a term, of those the row has, is 0 or lost more than the codec."""
        return term in self.terms and not self.terms[term] >= max(self.iou - _ROUNDING, _ROUNDING)

    @property
    def any_failed(self) -> bool:
        return any(map(self.failed, self.terms))


def gold_row(sample: Sample, rewards: Rewards) -> GoldRow:
    """Score the gold answer of a sample.  Raises UserError if no term of the recipe applies to it."""
    target, codec = sample.target(), rewards.codec
    text = codec.format(answer_region(sample, codec))
    region = codec.parse(text, target.kind).region
    if isinstance(region, Mask):
        iou = mask_iou(codec.rasterise(region, target.height, target.width), target.mask)
    elif isinstance(region, Box) and target.box is not None:
        iou = box_iou(region, Box(*target.box))
    else:
        iou = float(region is not None)
    terms = {name: value for name, value in rewards.score(text, target).terms.items() if value is not None}
    return GoldRow(sample.sample_id, sample.task, iou, terms)


def report(rows: Sequence[GoldRow], min_iou: float) -> dict:
    """What the rows show, as plain data; `passed` says whether that will do.  Raises UserError without rows."""
    if not rows:
        raise UserError("no row to check: the split is empty")
    terms = {}
    for name in dict.fromkeys(name for row in rows for name in row.terms):
        values = [row.terms[name] for row in rows if name in row.terms]
        terms[name] = {
            "n": len(values),
            "mean": float(np.mean(values)),
            "min": min(values),
            "failed": sum(row.failed(name) for row in rows),
        }
    mean_iou, failed = float(np.mean([row.iou for row in rows])), sum(row.any_failed for row in rows)
    return {
        "rows": len(rows),
        "oracle_iou": mean_iou,
        "min_iou": min_iou,
        "failed": failed,
        "passed": mean_iou >= min_iou and not failed,
        "terms": terms,
    }


def worst_first(rows: Sequence[GoldRow]) -> list[GoldRow]:
    """Rows that failed, then by what the codec lost."""
    return sorted(rows, key=lambda row: (not row.any_failed, min(row.terms.values()), row.iou))


def report_text(found: dict, worst: Sequence[GoldRow]) -> str:
    """Both tables and the verdict."""
    names = list(found["terms"])
    by_term = [
        [name, str(term["n"]), f"{term['mean']:.4f}", f"{term['min']:.4f}", str(term["failed"])]
        for name, term in found["terms"].items()
    ]
    by_row = [
        [row.sample_id, f"{row.iou:.4f}", *(f"{row.terms[name]:.4f}" if name in row.terms else "" for name in names)]
        for row in worst
    ]
    said = (
        f"{'passed' if found['passed'] else 'FAILED'}: mean oracle IoU {found['oracle_iou']:.4f} of at least "
        f"{found['min_iou']:g}; {found['failed']} of {found['rows']} rows lose more than the codec"
    )
    tables = [format_table(["term", "rows", "mean", "min", "failed"], by_term)]
    if by_row:
        tables.append(format_table(["worst rows", "oracle IoU", *names], by_row))
    return "\n\n".join([*tables, said])


@command("gold")
def main(cfg: DictConfig) -> None:
    for key in ("limit", "worst"):
        if cfg[key] is not None and not (isinstance(cfg[key], int) and cfg[key] >= (key == "limit")):
            raise UserError(f"{key} is {cfg[key]!r}; it is a number of rows")
    rewards = Rewards(cfg.rewards, Codec.from_config(cfg.codec))
    samples = read_samples(cfg.data_root, cfg.dataset.name, cfg.split)
    rows = [gold_row(sample, rewards) for sample in islice(samples, cfg.limit)]
    found, worst = report(rows, cfg.min_iou), worst_first(rows)[: cfg.worst]
    print(report_text(found, worst))
    if cfg.output is not None:
        source = {"dataset": cfg.dataset.name, "split": cfg.split, "codec": asdict(rewards.codec)}
        content = {**source, **found, "worst": [asdict(row) for row in worst]}
        write_whole(cfg.output, json.dumps(content, indent=2).encode() + b"\n")
    if not found["passed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
