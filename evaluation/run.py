"""Score a file of predictions against a prepared dataset split: a table per task on the console, everything in JSON.

    python -m evaluation.run predictions=outputs/predictions/val.jsonl dataset=shapes split=val
    python -m evaluation.run predictions=val.jsonl dataset=refcoco codec=reference acc_box=mask output=metrics.json

Works on the predictions of any model, as long as the rows are those of `evaluation.prediction`. The conventions that
make numbers of two papers differ are printed above the numbers. Needs neither torch nor a GPU.
"""

import json
from dataclasses import asdict
from itertools import islice

import hydra
from omegaconf import DictConfig

from data.rows import read_samples
from evaluation.evaluate import evaluate
from evaluation.output import write_whole
from evaluation.prediction import read_predictions
from evaluation.scores import Scores, estimate
from evaluation.table import format_estimate, format_table
from polygon import Codec, UserError, cli


@hydra.main(version_base="1.3", config_path="../conf", config_name="evaluate")
@cli
def main(cfg: DictConfig) -> None:
    if cfg.predictions is None:
        raise UserError("name the file to score: predictions=FILE.jsonl")
    if cfg.limit is not None and not (isinstance(cfg.limit, int) and cfg.limit > 0):
        raise UserError(f"limit is {cfg.limit!r}; it is a number of samples from 1, or null for all of them")
    codec = Codec.from_config(cfg.codec)
    rows = read_samples(cfg.data_root, cfg.dataset.name, cfg.split)
    scores = evaluate(
        read_predictions(cfg.predictions),
        islice(rows, cfg.limit),
        codec,
        acc_box=cfg.acc_box,
        allow_missing=cfg.allow_missing,
    )
    source = {"predictions": str(cfg.predictions), "dataset": cfg.dataset.name, "split": cfg.split}
    if rows.skipped:
        source["skipped"] = f"{len(rows.skipped)} rows of the split that cannot be used"
    print(scores_text(scores, source))
    if cfg.output is not None:
        content = {**source, "codec": asdict(codec), **scores.to_json()}
        write_whole(cfg.output, json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")
        print(f"\nwritten to {cfg.output}")


def scores_text(scores: Scores, source: dict[str, str]) -> str:
    """The console report: what was scored, by which conventions, and a table of metrics per task."""
    counts = f"{scores.n_samples} samples, {scores.n_draws} draw{'s' if scores.n_draws > 1 else ''} each"
    if scores.n_missing:
        counts += f", missing answers: {scores.n_missing}"
    width = max(map(len, scores.conventions))
    header = {**source, "scored": counts, **scores.conventions}
    parts = ["\n".join(f"{key:{width}}  {value}" for key, value in header.items())]
    for name, task in scores.tasks.items():
        rows = [[metric, format_estimate(metric, estimate([task], metric))] for metric in task.metrics]
        parts.append(format_table([f"{name}, {len(task.sample_ids)} samples", "value ± standard error"], rows))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
