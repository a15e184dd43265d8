"""Prepare a dataset: samples -> the parquet files that SFT, RL and evaluation read.

    python -m data.prepare dataset=shapes
    python -m data.prepare dataset=shapes_hard task=text2mask dataset.sizes.sft.train=2000 data_root=data2 force=true

Writes <data_root>/<dataset.name>/{sft,rl}/<split>/*.parquet, manifest.json, a card (`card.py`) and, for datasets from
files, problems.json: all of it or nothing.  Files are validated first (`validate.py`), and training texts about images
that are held out elsewhere are left out (`leakage.py`).  The same configuration gives the same bytes, however many
processes write; a second call finds its fingerprint in the manifest and is done; a call after an interrupted one goes
on where that was.  SFT rows ask the tasks of the node `task`, RL rows those of `rl_task`.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from conf import command
from data.card import write_card
from data.card_text import over_limits
from data.parquet import write_parquet
from data.partial_folder import PartialFolder, resumed_folder, sole_writer
from data.plan import Plan
from data.problems import BadRow
from data.record_source import RecordSource
from data.sample import rl_row, sft_row
from data.shards import Shard, shards_of
from data.sources import Source
from data.stream import SftRows
from data.validate import FOLDER
from data.validate_report import summary
from data.validated import usable_part
from data.workers import Advance, available_cores, share
from polygon import UserError

_EACH = 64  # rows between two steps of the progress bar


def prepare(config: Mapping, *, force: bool = False) -> Path:
    """Write the dataset of `config` (plain containers, the keys of conf/prepare.yaml) unless it is there already.

    Returns its folder.  Raises UserError for bad configuration, before anything is written, for data of which more than
    `max_bad_share` cannot be used, and for an unwritable folder.
    """
    plan, workers = Plan.from_config(config), config["workers"]
    if workers is not None and not (type(workers) is int and workers > 0):
        raise UserError(f"workers is {workers!r}; it is a number of processes from 1, or null for one a core")
    folder, fingerprint = Path(config["data_root"]) / plan.name, plan.fingerprint()
    with sole_writer(folder):
        if not force and _is_current(folder, fingerprint):
            return folder
        with resumed_folder(folder, fingerprint) as made:
            _write(plan, fingerprint, made, workers or available_cores())
    return folder


def _write(plan: Plan, fingerprint: str, made: PartialFolder, workers: int) -> None:
    with tqdm(desc=plan.name, total=0, unit="row", mininterval=0.5) as progress:
        source, count = plan.source, plan.card.token_counter() if plan.card else None
        if isinstance(source, RecordSource):
            progress.set_description(f"{plan.name}: checking", refresh=False)
            problems = made.path.parent / f"{plan.name}.problems.json"
            source, report = usable_part(plan, source, made, workers, progress, problems)
            report["notes"] += _fewer(source, plan.sizes)
            _write_json(made.path / "problems.json", report)
        progress.set_description(f"{plan.name}: writing", refresh=False)
        rows = {
            f"{stage}/{split}": SftRows(source, plan.mixes[stage], plan.codec, split, plan.answers)
            for stage, splits in plan.sizes.items()
            for split in splits
        }
        shards = [
            shard
            for stage, splits in plan.sizes.items()
            for split, size in splits.items()
            for shard in shards_of(stage, split, _row_count(source, split, size), plan.shard_rows)
        ]
        progress.total += sum(shard.stop - shard.start for shard in shards)
        progress.update(sum(shard.stop - shard.start for shard in shards if shard.name in made.finished))
        unfinished = [shard for shard in shards if shard.name not in made.finished]
        write = partial(_write_shard, plan.images, rows, made.path)
        for shard, facts in share(write, unfinished, workers, progress.update):
            made.finish(shard.name, facts)
        if plan.card:
            progress.set_description(f"{plan.name}: describing", refresh=False)
            write_card(made.path, plan, plan.card, rows, count, workers, progress)
    files = {shard.name: made.finished[shard.name] for shard in shards}
    manifest = {"fingerprint": fingerprint, "config": plan.settings, "files": files}
    _write_json(made.path / "manifest.json", manifest)
    shutil.rmtree(made.path / FOLDER, ignore_errors=True)


def _row_count(source: Source, split: str, size: int | None) -> int:
    """Of a source of files every text at most once: more rows would be the same questions again."""
    texts = source.size(split)
    return texts if size is None or (texts is not None and texts < size) else size  # type: ignore[return-value]


def _fewer(source: Source, sizes: Mapping[str, Mapping[str, int | None]]) -> Iterator[str]:
    """Where there are fewer texts than rows were asked for."""
    for stage, splits in sizes.items():
        for split, size in splits.items():
            if size is not None and (written := _row_count(source, split, size)) < size:
                yield f"{stage}/{split}: {size} rows asked for, {written} written: there are no more texts"


def _write_shard(images: str, rows: Mapping[str, SftRows], folder: Path, shard: Shard, advance: Advance) -> dict:
    drawn = _rows(images, rows[f"{shard.stage}/{shard.split}"], shard, advance)
    return write_parquet(folder / shard.name, shard.stage, drawn, images)


def _rows(images: str, rows: SftRows, shard: Shard, advance: Advance) -> Iterator[dict]:
    for index in range(shard.start, shard.stop):
        try:
            sample, question, answer = rows.text(index)
        except BadRow as bad:
            raise UserError(f"{bad}; it was sound when it was checked, so the files have changed: run again") from bad
        if shard.stage == "sft":
            yield sft_row(sample, question, answer, images)
        else:
            yield rl_row(sample, question, index, images)
        if (done := index + 1 - shard.start) % _EACH == 0 or index + 1 == shard.stop:
            advance((done - 1) % _EACH + 1)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _is_current(folder: Path, fingerprint: str) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        whole = all((folder / name).stat().st_size == file["bytes"] for name, file in manifest["files"].items())
        return whole and manifest["fingerprint"] == fingerprint
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no manifest, or one that is none: prepare again


@command("prepare")
def main(cfg: DictConfig) -> None:
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    try:
        folder = prepare(config, force=cfg.force)
    except KeyboardInterrupt:
        print("stopped; give the same command again to go on", file=sys.stderr)
        sys.exit(130)
    if (problems := folder / "problems.json").is_file():
        for line in summary(json.loads(problems.read_text())):
            print(line)
    splits: dict[str, list[dict]] = {}
    for name, file in json.loads((folder / "manifest.json").read_text())["files"].items():
        splits.setdefault(str(Path(name).parent), []).append(file)
    for name, files in splits.items():
        rows, size = (sum(file[key] for file in files) for key in ("rows", "bytes"))
        print(f"{folder / name}: {rows} rows in {len(files)} files, {size / 1e6:.1f} MB")
    if (card := folder / "card.json").is_file():
        print("\n".join([*over_limits(json.loads(card.read_text())), f"described in {card.with_suffix('.md')}"]))


if __name__ == "__main__":
    main()
