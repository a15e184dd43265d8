"""The table and the plot of an experiment, from its runs.

    python -m experiments.collect experiment=rewards [runs=outputs/rewards] [write=true] [check=true]

`runs` has folders of runs at any depth, or of wandb's offline files alone. `write` puts runs.jsonl, curves.svg and the
README's table into experiments/NAME; `check` fails where the README says anything else than these runs.
Held-out IoU is that of the validation split before and after training, asked as the line below the table says;
training IoU that of the answers trained on, whose questions change from step to step. Errors are standard deviations
over seeds.
"""

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evaluation.report.curves import ENDS, ends
from experiments.plot import svg
from experiments.runs import Curve, Run, find_runs, write_runs
from hardware.environment import REPOSITORY
from polygon import UserError, cli

BEGIN, END = "<!-- made by experiments.collect -->", "<!-- end -->"
VALIDATED = re.compile(r"val-\w+/.+/reward/iou/mean@\d+")
HEADER = (
    "arm", "seeds", "steps", "held-out IoU before", "after", "change",
    f"training IoU, first {ENDS} steps", f"last {ENDS}", "change", "tokens", "unreadable",
)  # fmt: skip


# Not Hydra: there `experiment=` chooses a recipe of conf/experiment, which composes with what is trained.
SETTINGS = {"experiment": "???", "runs": "outputs/${experiment}", "write": False, "check": False}


@cli
def main() -> None:
    config = OmegaConf.create(SETTINGS)
    OmegaConf.set_struct(config, True)
    try:
        config.merge_with_cli()
        runs = find_runs(Path(config.runs))
    except OmegaConfBaseException as error:
        raise UserError(f"{str(error).splitlines()[0]}; settings: {', '.join(SETTINGS)}") from None
    text = block(runs)
    print(text)
    folder = REPOSITORY / "experiments" / config.experiment
    readme = folder / "README.md"
    if config.write:
        folder.mkdir(exist_ok=True)
        write_runs(folder / "runs.jsonl", runs)
        (folder / "curves.svg").write_text(svg(runs, "reward/iou", "training IoU"))
        old = readme.read_text() if readme.exists() else f"# {config.experiment}\n\n{BEGIN}\n{END}\n"
        readme.write_text(replaced(old, text))
        print(f"\nwritten: {readme.relative_to(REPOSITORY)}, runs.jsonl, curves.svg")
    elif config.check and (not readme.exists() or text not in readme.read_text()):
        raise UserError(f"{readme.relative_to(REPOSITORY)} says something else; write=true puts this table there")


def block(runs: Sequence[Run]) -> str:
    """The table as Markdown, and where its runs come from."""
    arms: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        arms[run.arm].append(run)
    rows = [row(arm, of_arm) for arm, of_arm in arms.items()]
    lines = [HEADER, ("---",) * len(HEADER), *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    unfinished = [f"{run.arm}, seed {run.seed}" for run in runs if run.seconds is None]
    facts = {
        "Held-out answers": sorted({run.validation or "unknown" for run in runs}),
        "Commits": sorted({run.commit or "unknown" for run in runs}),
        "Machine": sorted({run.machine or "unknown" for run in runs}),
        "Wall time": [f"{sum(run.seconds or 0 for run in runs) / 60:.0f} minutes in all"],
        "Not finished": unfinished,
    }
    return table + "\n\n" + "\n".join(f"{name}: {'; '.join(values)}." for name, values in facts.items() if values)


def row(arm: str, runs: Sequence[Run]) -> tuple[str, ...]:
    held_out = [curve for curve in map(validated, runs) if len(curve) > 1]  # not of a run that is still going on
    before, after = [curve[min(curve)] for curve in held_out], [curve[max(curve)] for curve in held_out]
    trained = [ends(run.values("reward/iou")) for run in runs]
    steps = sorted({run.steps for run in runs})
    return (
        arm,
        ", ".join(str(run.seed) for run in runs),
        " to ".join(map(str, dict.fromkeys((steps[0], steps[-1])))),
        spread(before),
        spread(after),
        spread([b - a for a, b in zip(before, after, strict=True)], signed=True),
        spread([first for first, _ in trained]),
        spread([last for _, last in trained]),
        spread([last - first for first, last in trained], signed=True),
        spread([ends(run.values("response_length/mean"))[1] for run in runs], digits=1),
        spread([ends(run.values("parse_failure"))[1] for run in runs]),
    )


def validated(run: Run) -> Curve:
    """The held-out IoU by step, a mean over the datasets of the validation split."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for name, curve in run.curves.items():
        if VALIDATED.fullmatch(name):
            for step, value in curve.items():
                by_step[step].append(value)
    return {step: statistics.fmean(values) for step, values in by_step.items()}


def spread(values: Sequence[float], *, signed: bool = False, digits: int = 3) -> str:
    """Mean ± standard deviation."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return "-"
    mean = f"{statistics.fmean(values):{'+' if signed else ''}.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def replaced(readme: str, text: str) -> str:
    """The README with its table renewed. Raises UserError where it has no place for one."""
    if BEGIN not in readme or END not in readme:
        raise UserError(f"the README has no lines {BEGIN} and {END} between which the table goes: add them")
    return readme[: readme.index(BEGIN) + len(BEGIN)] + f"\n{text}\n" + readme[readme.index(END) :]


if __name__ == "__main__":
    main()
