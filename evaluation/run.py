"""Score a file of answers against a prepared dataset split: a table per task on the console, everything in JSON.

    python -m evaluation.run predictions=outputs/predictions/val.jsonl dataset=shapes split=val report=report.html
    python -m evaluation.run predictions=val.jsonl dataset=refcoco split=[testA,testB] codec=reference output=m.json
    python -m evaluation.run predictions=after.jsonl baseline=before.jsonl dataset=shapes    # paired, with p-values

Works on the answers of any model (format=: evaluation/inputs/). The conventions that make numbers of two papers differ
(conventions=: evaluation/conventions.py) are printed above the numbers. Needs neither torch nor a GPU.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from omegaconf import DictConfig, ListConfig, OmegaConf

from conf import command
from data.rows import PreparedRows, read_samples
from evaluation.conventions import Conventions
from evaluation.evaluate import evaluate
from evaluation.inputs.reader import Inputs, read_inputs
from evaluation.inputs.sidecar import check_dataset
from evaluation.measures.boundary import BoundarySettings
from evaluation.report.comparison_tables import comparison_tables
from evaluation.report.gallery import gallery
from evaluation.report.page import write_report
from evaluation.report.row import report_rows
from evaluation.report.score_tables import metric_tables, scored, scores_text, slice_tables
from evaluation.report.table import format_table
from evaluation.statistics.comparison import compare
from evaluation.statistics.scores import Scores
from evaluation.statistics.slices import SLICES
from polygon import Codec, UserError
from polygon.output import write_whole

PRESETS = Path(__file__).parents[1] / "conf" / "conventions"


@command("evaluate")
def main(cfg: DictConfig) -> None:
    _check(cfg)
    rows = _rows(cfg)
    files = {name: cfg[name] for name in ("baseline", "predictions") if cfg[name] is not None}
    settings = {name: cfg[name] for name in ("limit", "kind", "coco", "resize", "check_units")}
    inputs = {name: read_inputs(path, cfg.format, rows, **settings) for name, path in files.items()}
    if not cfg.only_matching:
        for each in inputs.values():
            check_dataset(each, cfg.data_root, cfg.dataset.name, _splits(cfg))
    codec = inputs["predictions"].reading(Codec.from_config(cfg.codec))
    scores = {name: _evaluate(cfg, each, rows, codec) for name, each in inputs.items()}
    found, source = scores["predictions"], _source(cfg, files, inputs, rows)
    print(scores_text(found, source, cfg.slices))
    content, compared = {**source, **found.to_json(cfg.slices)}, []
    if cfg.baseline is not None:
        comparison = compare(scores["baseline"], found)
        content["comparison"] = comparison.to_json()
        compared = comparison_tables({"against the baseline": comparison}, ("baseline", "predictions"))
        print(*(f"\n{format_table(*table)}" for table in compared), sep="\n")
    if cfg.output is not None:
        write_whole(cfg.output, json.dumps(content, indent=2, allow_nan=False).encode() + b"\n")
        print(f"\nwritten to {cfg.output}")
    if cfg.report:
        report = Path(cfg.predictions).with_suffix(".html") if cfg.report is True else cfg.report
        results = report_rows({name: each.results() for name, each in scores.items()})
        write_report(
            report,
            title=f"{Path(cfg.predictions).name} on {source['dataset']} {source['split']}",
            facts={**source, "scored": scored(found)},
            conventions=found.conventions,
            tables=metric_tables(found) + compared,
            group_tables=slice_tables(found, cfg.slices),
            runs=tuple(scores),
            rows=results,
            examples=gallery(results, islice(rows, cfg.limit), inputs, codec=codec, conventions=_conventions(cfg)),
        )
        print(f"\nreport: {report}")


def _check(cfg: DictConfig) -> None:
    """Raises UserError for settings that the modules below do not look at themselves."""
    if cfg.predictions is None:
        raise UserError("name the file to score: predictions=FILE.jsonl")
    if cfg.limit is not None and not (isinstance(cfg.limit, int) and cfg.limit > 0):
        raise UserError(f"limit is {cfg.limit!r}; it is a number of samples from 1, or null for all of them")
    for name in ("slices", "split"):
        if not (isinstance(cfg[name], ListConfig) or (name == "split" and isinstance(cfg[name], str))):
            raise UserError(f"{name} is {cfg[name]!r}; give a list of names: {name}=[...]")
    if unknown := sorted(set(cfg.slices) - set(SLICES)):
        raise UserError(f"slices has {unknown[0]!r}; there are {', '.join(SLICES)}")
    if not cfg.split:
        raise UserError("split is empty; name a split, or several: split=[testA,testB]")
    if cfg.baseline == cfg.predictions:
        raise UserError("baseline is the predictions file itself; name the answers to compare with")


def _rows(cfg: DictConfig) -> PreparedRows:
    """The rows of a split, or of several one after the other."""
    parts = [read_samples(cfg.data_root, cfg.dataset.name, split) for split in _splits(cfg)]
    return PreparedRows(parts[0].path, [file for part in parts for file in part.files])


def _splits(cfg: DictConfig) -> list[str]:
    return [cfg.split] if isinstance(cfg.split, str) else list(cfg.split)


def _evaluate(cfg: DictConfig, inputs: Inputs, rows: PreparedRows, codec: Codec) -> Scores:
    """Raises UserError, which names the rows that could not be used: they may be what is missing."""
    try:
        return evaluate(
            inputs,
            islice(rows, cfg.limit),
            codec,
            conventions=_conventions(cfg),
            boundary=None if cfg.boundary is None else BoundarySettings.from_config(cfg.boundary),
            allow_missing=cfg.allow_missing,
            kind=cfg.kind,
            only_matching=cfg.only_matching,
        )
    except UserError as error:
        if not inputs.bad.counts:
            raise
        raise UserError(f"{error}; {inputs.path}: {inputs.bad.in_words()}") from error


def _conventions(cfg: DictConfig) -> Conventions:
    """Those of a preset keep its name; with other settings they say which."""
    conventions = Conventions.from_config(cfg.conventions)
    preset = PRESETS / f"{conventions.name}.yaml"
    published = OmegaConf.load(preset) if preset.is_file() else {}
    changed = [key for key, value in cfg.conventions.items() if published and published[key] != value]
    return replace(conventions, name=f"{conventions.name}, but for {', '.join(changed)}") if changed else conventions


def _source(
    cfg: DictConfig, files: Mapping[str, str], inputs: Mapping[str, Inputs], rows: PreparedRows
) -> dict[str, str]:
    """What was scored: the files, what was left out of them, and the split."""
    source = {}
    for name, path in reversed(list(files.items())):
        source[name] = str(path)
        source |= {
            key if name == "predictions" else f"{name}, {key}": words for key, words in inputs[name].in_words().items()
        }
    source |= {"dataset": cfg.dataset.name, "split": cfg.split if isinstance(cfg.split, str) else ", ".join(cfg.split)}
    if rows.skipped:
        source["skipped"] = f"{len(rows.skipped)} rows of the split that cannot be used"
    return source


if __name__ == "__main__":
    main()
