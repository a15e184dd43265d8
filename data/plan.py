"""`Plan`: what `data.prepare` is asked for, checked before anything is read or written.

Why: bad configuration must be named in a second, and everything that decides what the files hold has to be in the
fingerprint by which a prepared dataset is known, and nothing else: how many processes write is not.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polygon
from data.card_settings import CardSettings
from data.leakage import LEAKAGE
from data.near_copies import NEAR_COPIES
from data.parquet import IMAGES, sha256
from data.record_source import RecordSource
from data.sources import Source, open_source
from data.task import TaskMix
from data.templates import ANSWER_STYLES
from polygon import Codec, UserError

STAGES = {"sft": "task", "rl": "rl_task"}
"""Stage -> the node of conf/prepare.yaml with the tasks of its rows."""
_REQUIRED = ("name", "source", "answers", "sizes")
_OPTIONAL = ("images", "leakage", "near_copies", "leakage_against")
_ANNOTATIONS = {".json", ".jsonl", ".p", ".parquet"}
_TOO_MUCH_TO_READ = 2**30  # bytes; only tables with images in them are larger


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`sizes` has by stage and split the number of rows, None for every text once."""

    name: str
    source: Source
    codec: Codec
    answers: str
    images: str
    mixes: dict[str, TaskMix]
    sizes: dict[str, dict[str, int | None]]
    leakage: str
    near_copies: str
    against: tuple[RecordSource, ...]
    max_bad_share: float
    shard_rows: int
    card: CardSettings | None
    settings: dict[str, Any]

    @classmethod
    def from_config(cls, config: Mapping) -> "Plan":
        """From the keys of conf/prepare.yaml as plain containers.  Raises UserError naming the key at fault."""
        dataset = config["dataset"]
        known = (*_REQUIRED, *_OPTIONAL)
        for key in dataset:
            if key not in known:
                raise UserError(f"dataset.{key}: unknown key; known: {', '.join(known)}")
        for key in _REQUIRED:
            if key not in dataset:
                raise UserError(f"dataset.{key} is missing; see conf/dataset/shapes.yaml")
        name = str(dataset["name"])
        if not name.replace("_", "").replace("-", "").isalnum():
            raise UserError(f"dataset.name: {name!r} names a folder; use letters, digits, - and _")
        source = open_source(dataset)
        is_endless = not isinstance(source, RecordSource)
        images = dataset.get("images") or ("embedded" if is_endless else "referenced")
        leakage, near_copies = dataset.get("leakage") or "drop", dataset.get("near_copies") or "report"
        for key, value, choices in (
            ("answers", dataset["answers"], ANSWER_STYLES),
            ("images", images, ("embedded",) if is_endless else IMAGES),
            ("leakage", leakage, LEAKAGE),
            ("near_copies", near_copies, NEAR_COPIES),
        ):
            if value not in choices:
                raise UserError(f"dataset.{key}: {value!r} is unknown; known: {', '.join(choices)}")
        if not _is_number(config["max_bad_share"], int | float, 0) or config["max_bad_share"] > 1:
            raise UserError(f"max_bad_share is {config['max_bad_share']!r}; it is a share from 0 to 1")
        if not _is_number(config["shard_rows"], int, 1):
            raise UserError(f"shard_rows is {config['shard_rows']!r}; it is a number of rows from 1")
        return cls(
            name=name,
            source=source,
            codec=Codec.from_config(config["codec"]),
            answers=dataset["answers"],
            images=images,
            mixes={stage: _mix(config, node) for stage, node in STAGES.items()},
            sizes=_sizes(dataset["sizes"], source),
            leakage=leakage,
            near_copies=near_copies,
            against=tuple(_others(dataset.get("leakage_against") or ())),
            max_bad_share=config["max_bad_share"],
            shard_rows=config["shard_rows"],
            card=CardSettings.from_config(config["card"]) if config.get("card") else None,
            settings={key: config.get(key) for key in ("dataset", *STAGES.values(), "codec", "shard_rows", "card")},
        )

    def task_of(self, split: str) -> str:
        """What records of a split have to serve: text2mask, or text2box if nothing else is ever asked of it."""
        weights = [self.mixes[stage].weights for stage, splits in self.sizes.items() if split in splits]
        return "text2box" if {name for pairs in weights for name, _ in pairs} == {"text2box"} else "text2mask"

    def fingerprint(self) -> str:
        """Of the configuration, of the annotation files, and of the code that turns them into rows."""
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode())
        for package in (Path(__file__).parent, Path(polygon.__file__).parent):
            for module in sorted(package.glob("*.py")):
                digest.update(module.read_bytes())
        dataset = self.settings["dataset"]
        for file in _annotation_files([dataset["source"], dataset.get("leakage_against")]):
            state = file.stat()
            content = sha256(file) if state.st_size < _TOO_MUCH_TO_READ else f"{state.st_size} {state.st_mtime_ns}"
            digest.update(f"{file} {content}".encode())
        return digest.hexdigest()


def _mix(config: Mapping, node: str) -> TaskMix:
    if not isinstance(config[node], Mapping):
        option = "task" if node == "task" else f"task@{node}"
        raise UserError(f"{node}={config[node]} is no mix of tasks; choose an option of conf/task by {option}=...")
    return TaskMix.from_config(config[node]["weights"])


def _sizes(sizes: Mapping, source: Source) -> dict[str, dict[str, int | None]]:
    checked: dict[str, dict[str, int | None]] = {}
    for stage, splits in sizes.items():
        if stage not in STAGES:
            raise UserError(f"dataset.sizes.{stage}: unknown stage; known: {', '.join(STAGES)}")
        for split, size in (splits or {}).items():
            key = f"dataset.sizes.{stage}.{split}"
            if split not in source.splits:
                raise UserError(f"{key}: {source.name} has no such split; it has {', '.join(source.splits)}")
            if size is None and not isinstance(source, RecordSource):
                raise UserError(f"{key}: {source.name} is endless; give a number of rows")
            if size is not None and not _is_number(size, int, 1):
                raise UserError(f"{key}: {size!r} is not a number of rows from 1, or null for every text once")
            checked.setdefault(stage, {})[split] = size
    named = {split for splits in checked.values() for split in splits}
    for split in getattr(source, "shares", None) or ():
        if split not in named:  # of a division every part is somewhere
            checked.setdefault("rl", {})[split] = None
    if not checked:
        raise UserError("dataset.sizes asks for no rows; see conf/dataset/shapes.yaml")
    return checked


def _others(nodes: Iterable) -> Iterator[RecordSource]:
    """The sources of `dataset.leakage_against`, nodes like `dataset.source`."""
    for number, node in enumerate(nodes):
        source = open_source({"name": f"leakage_against {number}", "source": node})
        if not isinstance(source, RecordSource):
            raise UserError(f"dataset.leakage_against: {node.get('kind')} is made up; it shares images with nothing")
        yield source


def _is_number(value: Any, kind: Any, least: int) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and value >= least


def _annotation_files(node: Any) -> Iterator[Path]:
    """What the strings of a configuration name, if it is a file, or the annotations in it, if it is a folder."""
    if isinstance(node, Mapping):
        node = [node[key] for key in sorted(node)]
    if isinstance(node, list):
        for item in node:
            yield from _annotation_files(item)
    elif isinstance(node, str) and Path(node).is_file():
        yield Path(node)
    elif isinstance(node, str) and Path(node).is_dir():
        found = (file for pattern in ("*", "*/*") for file in Path(node).glob(pattern))
        yield from sorted(file for file in found if file.suffix in _ANNOTATIONS)
