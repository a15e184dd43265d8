"""Prepare a dataset: samples -> the parquet files that SFT, RL and evaluation read.

    python -m data.prepare dataset=shapes
    python -m data.prepare dataset=shapes_hard task=text2mask dataset.sizes.sft.train=2000 data_root=data2 force=true

Writes <data_root>/<dataset.name>/sft/{train,val}.parquet, rl/{train,val,test}.parquet and manifest.json: all of it or
nothing.  The same configuration gives the same bytes; a second call finds its fingerprint in the manifest and is done.
SFT rows ask the tasks of the node `task`, RL rows those of `rl_task`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

import polygon
from data.parquet import replaced_folder, sole_writer, write_parquet
from data.sample import rl_row, sft_row
from data.sources import open_source
from data.stream import SftRows
from data.task import TaskMix
from data.templates import ANSWER_STYLES
from polygon import Codec, UserError, cli

FILES = {"sft": ("train", "val"), "rl": ("train", "val", "test")}
_DATASET_KEYS = ("name", "source", "answers", "sizes")


def prepare(config: Mapping, *, force: bool = False) -> Path:
    """Write the dataset of `config` (plain containers, the keys of conf/prepare.yaml) unless it is there already.

    Returns its folder.  Raises UserError for bad configuration, before anything is written, or an unwritable folder.
    """
    dataset = _checked(config["dataset"])
    source, codec = open_source(dataset), Codec.from_config(config["codec"])
    nodes = {"sft": "task", "rl": "rl_task"}
    mixes = {stage: TaskMix.from_config(config[node]["weights"]) for stage, node in nodes.items()}
    folder = Path(config["data_root"]) / dataset["name"]
    settings = {key: config[key] for key in ("dataset", "task", "rl_task", "codec")}
    fingerprint = _fingerprint(settings)
    with sole_writer(folder):
        if not force and _is_current(folder, fingerprint):
            return folder
        with replaced_folder(folder) as partial:
            files = {}
            for stage, splits in FILES.items():
                for split in splits:
                    rows = SftRows(source, mixes[stage], codec, split, dataset["answers"])
                    size, name = dataset["sizes"][stage][split], f"{stage}/{split}.parquet"
                    files[name] = write_parquet(partial / name, stage, _rows(stage, rows, size))
            manifest = {"fingerprint": fingerprint, "config": settings, "files": files}
            (partial / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return folder


def _rows(stage: str, rows: SftRows, size: int) -> Iterator[dict]:
    for index in tqdm(range(size), desc=f"{rows.source.name} {stage}/{rows.split}", unit="row", mininterval=0.5):
        sample, question, answer = rows.text(index)
        yield sft_row(sample, question, answer) if stage == "sft" else rl_row(sample, question, index)


def _checked(dataset: Mapping) -> Mapping:
    for key in dataset:
        if key not in _DATASET_KEYS:
            raise UserError(f"dataset.{key}: unknown key; known: {', '.join(_DATASET_KEYS)}")
    for key in _DATASET_KEYS:
        if key not in dataset:
            raise UserError(f"dataset.{key} is missing; see conf/dataset/shapes.yaml")
    if not str(dataset["name"]).replace("_", "").replace("-", "").isalnum():
        raise UserError(f"dataset.name: {dataset['name']!r} names a folder; use letters, digits, - and _")
    if dataset["answers"] not in ANSWER_STYLES:
        raise UserError(f"dataset.answers: {dataset['answers']!r} is unknown; known: {', '.join(ANSWER_STYLES)}")
    for stage, splits in FILES.items():
        for split in splits:
            size = dataset["sizes"].get(stage, {}).get(split)
            if not isinstance(size, int) or size < 1:
                raise UserError(f"dataset.sizes.{stage}.{split}: {size!r} is not a number of rows from 1")
    return dataset


def _fingerprint(settings: Mapping) -> str:
    """Of the configuration and of the code that turns it into rows, so that changed code never leaves stale data."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for package in (Path(__file__).parent, Path(polygon.__file__).parent):
        for module in sorted(package.glob("*.py")):
            digest.update(module.read_bytes())
    return digest.hexdigest()


def _is_current(folder: Path, fingerprint: str) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        whole = all((folder / name).stat().st_size == file["bytes"] for name, file in manifest["files"].items())
        return whole and manifest["fingerprint"] == fingerprint
    except (OSError, ValueError, KeyError, TypeError):
        return False  # no manifest, or one that is none: prepare again


@hydra.main(version_base="1.3", config_path="../conf", config_name="prepare")
@cli
def main(cfg: DictConfig) -> None:
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    folder = prepare(config, force=cfg.force)
    for name, file in json.loads((folder / "manifest.json").read_text())["files"].items():
        print(f"{folder / name}: {file['rows']} rows, {file['bytes'] / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
