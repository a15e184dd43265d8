"""The table and the plot of an experiment, from its runs.

    python -m experiments.collect experiment=rewards [runs=outputs/rewards] [write=true] [check=true]

`runs` has folders of GSPO runs at any depth, or of wandb's offline files alone; a list of such folders, where a run of
another experiment serves this one too, and of the runs.jsonl of runs that were collected before. `write` puts
runs.jsonl, curves.svg and the README's table into experiments/NAME, and tokens.svg where the README shows it; `check`
fails where the README says anything else than these runs.
Held-out IoU is that of the validation split before and after training, asked as the line below the table says, cIoU
that of the same answers; the codec's ceiling the IoU of their targets with themselves, once written and read; training
IoU that of the answers trained on, whose questions change from step to step. Where the validation split is of several
datasets, IoU is a mean over those of masks, and a second table has each. Errors are standard deviations over seeds.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evaluation.report.curves import ENDS, ends
from experiments.held_out import CEILING, CIOU
from experiments.plot import scatter, svg
from experiments.runs import Curve, Run, find_runs, write_runs
from hardware.environment import REPOSITORY
from polygon import UserError, cli
from polygon.markdown import markdown_table

BEGIN, END = "<!-- made by experiments.collect -->", "<!-- end -->"
HEADER = (
    "arm", "seeds", "steps", "held-out IoU before", "after", "change", "cIoU after", "codec's ceiling",
    f"training IoU, last {ENDS} steps - first {ENDS}", "tokens", "unreadable",
)  # fmt: skip
PARTS = ("arm", "held-out dataset", "measure", "before", "after", "change")


# Not Hydra: there `experiment=` chooses a recipe of conf/experiment, which composes with what is trained.
SETTINGS = {"experiment": "???", "runs": "outputs/${experiment}", "write": False, "check": False}


@cli
def main() -> None:
    config = OmegaConf.create(SETTINGS)
    OmegaConf.set_struct(config, True)
    try:
        config.merge_with_cli()
        runs = find_runs(*map(Path, [config.runs] if isinstance(config.runs, str) else config.runs))
    except OmegaConfBaseException as error:
        raise UserError(f"{str(error).splitlines()[0]}; settings: {', '.join(SETTINGS)}") from None
    text = block(runs)
    print(text)
    folder = REPOSITORY / "experiments" / config.experiment
    readme = folder / "README.md"
    if config.write:
        folder.mkdir(exist_ok=True)
        write_runs(folder / "runs.jsonl", runs)
        old = readme.read_text() if readme.exists() else f"# {config.experiment}\n\n{BEGIN}\n{END}\n"
        readme.write_text(replaced(old, text))
        drawn = plots(runs, old)
        for name, picture in drawn.items():
            (folder / name).write_text(picture)
        print(f"\nwritten: {', '.join((str(readme.relative_to(REPOSITORY)), 'runs.jsonl', *drawn))}")
    elif config.check and (not readme.exists() or text not in readme.read_text()):
        raise UserError(f"{readme.relative_to(REPOSITORY)} says something else; write=true puts this table there")


def plots(runs: Sequence[Run], readme: str) -> dict[str, str]:
    """The SVG files beside that README by name."""
    drawn = {"curves.svg": svg(runs, "reward/iou", "training IoU")}
    if "tokens.svg" in readme:
        points: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for run in runs:
            _, after = both_ends([run.curves.get(CIOU, {})])
            points[run.arm] += [(ends(run.values("response_length/mean"))[1], value) for value in after]
        drawn["tokens.svg"] = scatter(points, "tokens an answer", "held-out cIoU after training")
    return drawn


def block(runs: Sequence[Run]) -> str:
    """The table as Markdown, and where its runs come from."""
    arms: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        arms[run.arm].append(run)
    rows = [row(arm, of_arm) for arm, of_arm in arms.items()]
    tables = [markdown_table(HEADER, rows)]
    if any(len(run.held_out) > 1 for run in runs):
        tables.append(
            markdown_table(PARTS, [cells for arm, of_arm in arms.items() for cells in part_rows(arm, of_arm)])
        )
    unfinished = [f"{run.arm}, seed {run.seed}" for run in runs if run.seconds is None]
    facts = {
        "Held-out answers": sorted({run.validation or "unknown" for run in runs}),
        "Commits": sorted({run.commit or "unknown" for run in runs}),
        "Machine": sorted({run.machine or "unknown" for run in runs}),
        "Wall time": [f"{sum(run.seconds or 0 for run in runs) / 60:.0f} minutes in all"],
        "Not finished": unfinished,
    }
    lines = [f"{name}: {'; '.join(values)}." for name, values in facts.items() if values]
    return "\n\n".join((*tables, "\n".join(lines)))


def row(arm: str, runs: Sequence[Run]) -> tuple[str, ...]:
    trained = [ends(run.values("reward/iou")) for run in runs]
    steps = sorted({run.steps for run in runs})
    return (
        arm,
        ", ".join(str(run.seed) for run in runs),
        " to ".join(map(str, dict.fromkeys((steps[0], steps[-1])))),
        *before_after_change([run.held_out_iou for run in runs]),
        spread(both_ends([run.curves.get(CIOU, {}) for run in runs])[1]),
        spread(sorted({value for run in runs for value in run.values(CEILING)})[:1]),
        spread([last - first for first, last in trained], signed=True),
        spread([ends(run.values("response_length/mean"))[1] for run in runs], digits=1),
        spread([ends(run.values("parse_failure"))[1] for run in runs]),
    )


def part_rows(arm: str, runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """A line for each dataset of the validation split, by the measure of its kind of answer."""
    parts = sorted({part for run in runs for part in run.held_out})
    return [(arm, *part, *before_after_change([run.held_out.get(part, {}) for run in runs])) for part in parts]


def before_after_change(curves: Sequence[Curve]) -> tuple[str, str, str]:
    """Three cells of a curve of each run."""
    before, after = both_ends(curves)
    return spread(before), spread(after), spread([b - a for a, b in zip(before, after, strict=True)], signed=True)


def both_ends(curves: Sequence[Curve]) -> tuple[list[float], list[float]]:
    """Values before and after training, without those of runs that are still going on."""
    done = [curve for curve in curves if len(curve) > 1]
    return [curve[min(curve)] for curve in done], [curve[max(curve)] for curve in done]


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
