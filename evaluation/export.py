"""Answers in the formats of other tools: COCO results, LabelMe, SVG.

    python -m evaluation.export predictions=val.jsonl dataset=refcoco split=val to=coco output=results.json
    python -m evaluation.export predictions=val.jsonl dataset=refcoco split=val to=labelme output=labelme limit=50
    python -m evaluation.export predictions=results.json format=coco dataset=refcoco split=val to=svg output=svg

Reads what `evaluation.run` reads (format=: evaluation/inputs/). What cannot be exported is counted and said.
"""

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import get_args

from omegaconf import DictConfig

from conf import command
from data.rows import read_samples
from evaluation.exports.coco import write_coco
from evaluation.exports.exported import Answers, exported, in_words
from evaluation.exports.labelme import write_labelme
from evaluation.exports.svg import write_svg
from evaluation.inputs.reader import read_inputs
from polygon import Codec, UserError

EXPORTS: dict[str, Callable[..., int]] = {"coco": write_coco, "labelme": write_labelme, "svg": write_svg}
WRITTEN = {"coco": "rows", "labelme": "photos", "svg": "files"}


@command("export")
def main(cfg: DictConfig) -> None:
    for name in ("predictions", "output"):
        if cfg[name] is None:
            raise UserError(f"{name} is not set: predictions=FILE output=FILE, or a folder for LabelMe and SVG")
    if cfg.to not in EXPORTS:
        raise UserError(f"to={cfg.to} is unknown; known: {', '.join(EXPORTS)}")
    if cfg.answers not in get_args(Answers):
        raise UserError(f"answers is {cfg.answers!r}; it can be {' or '.join(get_args(Answers))}")
    for name, lowest in (("limit", 1), ("draw", 0)):
        if cfg[name] is not None and (type(cfg[name]) is not int or cfg[name] < lowest):
            raise UserError(f"{name} is {cfg[name]!r}; it is a whole number from {lowest}")
    rows = read_samples(cfg.data_root, cfg.dataset.name, cfg.split)
    settings = {name: cfg[name] for name in ("limit", "coco", "resize", "check_units")}
    inputs = read_inputs(cfg.predictions, cfg.format, rows, **settings)
    codec, left_out = Codec.from_config(cfg.codec), Counter[str]()
    samples = islice(rows, cfg.limit)
    answers = exported(inputs, samples, inputs.reading(codec), draw=cfg.draw, answers=cfg.answers, left_out=left_out)
    count = EXPORTS[cfg.to](answers, Path(cfg.output), codec, left_out)
    print(f"{cfg.output}: {count} {WRITTEN[cfg.to]}; {in_words(left_out)}")
    if inputs.bad.counts:
        print(inputs.bad.in_words())
    if inputs.unread.counts:
        print(inputs.unread.in_words("answer", "with what cannot be read"))


if __name__ == "__main__":
    main()
