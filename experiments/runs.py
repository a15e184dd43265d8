"""What an experiment's table is made of: each run's arm, seed, provenance, and the curves that matter.

experiments/NAME/runs.jsonl    a run a line, committed beside the README, so that its table can be made again
"""

import json
import re
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluation.report.curves import TELLING, read_run
from experiments.held_out import CEILING, CIOU, held_out_curves
from experiments.wandb_file import read_wandb
from polygon import Codec, UserError

KEPT = re.compile(rf"{TELLING}|actor/pg_clipfrac|actor/grad_norm|group/zero_variance_share|{CIOU}|{CEILING}")
VALIDATED = re.compile(r"val-\w+/(?P<dataset>.+)/reward/(?P<measure>iou|box_iou|point_in_mask)/mean@\d+")

Curve = dict[int, float]  # step -> value


@dataclass(frozen=True)
class Run:
    """`seconds` is None for a run that is not finished; `curves` are by verl's metric names."""

    experiment: str
    arm: str
    seed: int
    command: str | None
    commit: str | None
    machine: str | None
    seconds: float | None
    validation: str | None  # how held-out questions are asked
    curves: Mapping[str, Curve]

    def values(self, name: str) -> list[float]:
        """A curve's values in the order of its steps; none of a curve that is not there."""
        curve = self.curves.get(name, {})
        return [curve[step] for step in sorted(curve)]

    @property
    def steps(self) -> int:
        """Updates of the policy."""
        return max(self.curves.get("timing_s/step", {}), default=0)

    @property
    def held_out(self) -> dict[tuple[str, str], Curve]:
        """(dataset of the validation split, measure of its kind of answer) -> curve."""
        found = {name: VALIDATED.fullmatch(name) for name in self.curves}
        return {match.group("dataset", "measure"): self.curves[name] for name, match in found.items() if match}

    @property
    def held_out_iou(self) -> Curve:
        """A mean over the datasets of the validation split that ask for masks."""
        by_step: dict[int, list[float]] = defaultdict(list)
        for (_, measure), curve in self.held_out.items():
            if measure == "iou":
                for step, value in curve.items():
                    by_step[step].append(value)
        return {step: statistics.fmean(values) for step, values in by_step.items()}


def find_runs(*folders: Path) -> list[Run]:
    """All GSPO runs below these, by arm and seed: folders with run.json, else wandb's offline files; of a file, what
    `write_runs` put there.

    Raises UserError for a folder without one, for another file, and for two runs of one arm and seed.
    """
    found: dict[tuple[str, int], Run] = {}
    for folder in folders:
        for run in _below(folder):
            if found.setdefault((run.arm, run.seed), run) is not run:
                raise UserError(f"{folder} holds two runs of arm {run.arm}, seed {run.seed}: move one of them away")
    return [found[key] for key in sorted(found)]


def _below(folder: Path) -> list[Run]:
    if folder.is_file():
        return read_runs(folder)
    folders = sorted(file.parent for file in folder.rglob("run.json"))
    configs = {each: yaml.safe_load((each / "config.yaml").read_text()) for each in folders}
    # SFT has none: an arm's retraining is what its runs start from.
    runs = [_from_folder(each, config) for each, config in configs.items() if "actor_rollout_ref" in config]
    files = sorted(file for file in folder.rglob("run-*.wandb") if not any(map(file.is_relative_to, folders)))
    runs += [_run(*read_wandb(file), None) for file in files]
    if not runs:
        raise UserError(
            f"{folder} holds no run (run.json, or run-*.wandb of wandb); set runs= to the folder of a sweep"
        )
    return runs


def _from_folder(folder: Path, config: dict[str, Any]) -> Run:
    record = json.loads((folder / "run.json").read_text())
    config |= {"provenance": record["starts"][-1]}
    curves = {name: dict(zip(curve.steps, curve.values, strict=True)) for name, curve in read_run(folder).items()}
    if (folder / "answers").is_dir():
        curves |= held_out_curves(folder / "answers", Codec.from_config(config["codec"]))
    return _run(config, curves, (record["finished"] or {}).get("seconds"))


def _run(config: Mapping[str, Any], curves: Mapping[str, Curve], seconds: float | None) -> Run:
    start = config.get("provenance") or {}
    machine = start.get("machine") or {}
    hardware = machine.get("gpus") or [f"{machine['cores']} cores, {machine['processor']}"] if machine else [None]
    kept = {name: curve for name, curve in sorted(curves.items()) if KEPT.fullmatch(name)}
    rounded = {name: {step: float(f"{curve[step]:.5g}") for step in sorted(curve)} for name, curve in kept.items()}
    return Run(
        experiment=config["name"],
        arm=config.get("arm") or "default",
        seed=config["seed"],
        command=start.get("command"),
        commit=start.get("commit"),
        machine=hardware[0] if len(hardware) == 1 else f"{len(hardware)} x {hardware[0]}",
        seconds=seconds and round(seconds),
        validation=_validation(config),
        curves=rounded,
    )


def _validation(config: Mapping[str, Any]) -> str | None:
    """How verl asks held-out questions; None where the configuration does not say."""
    match config:
        case {
            "actor_rollout_ref": {"rollout": {"val_kwargs": {"do_sample": sample, "temperature": temperature, "n": n}}}
        }:
            return f"{n} at temperature {temperature:g}" if sample else "greedy"
    return None


def write_runs(file: Path, runs: list[Run]) -> None:
    file.write_text("".join(json.dumps(asdict(run)) + "\n" for run in runs))


def read_runs(file: Path) -> list[Run]:
    """Raises UserError for a file that `write_runs` has not written."""
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        return [
            Run(**row | {"curves": {name: {int(s): v for s, v in c.items()} for name, c in row["curves"].items()}})
            for row in rows
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{file} is no runs.jsonl of experiments.collect ({error})") from None
