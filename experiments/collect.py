"""The table and the plot of an experiment, from its runs.

    python -m experiments.collect experiment=rewards [runs=outputs/rewards] [control=ARM] [write=true] [check=true]

`runs` has folders of GSPO runs at any depth, or of wandb's offline files alone; a list of such folders, where a run of
another experiment serves this one too, and of the runs.jsonl of runs that were collected before. `write` puts
runs.jsonl, curves.svg and the README's table into experiments/NAME, and tokens.svg where the README shows it; `check`
fails where the README says anything else than these runs.
Held-out IoU is that of the validation split before and after training, asked as the line below the table says, cIoU
that of the same answers; the codec's ceiling the IoU of their targets with themselves, once written and read; training
IoU that of the answers trained on, whose questions change from step to step. Where the validation split is of several
datasets, IoU is a mean over those of masks, and a second table has each. A last table holds all arms to `control`, seed
by seed; without that word to the one in the README's table. Errors are standard deviations over seeds.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evaluation.report.curves import ends
from experiments.held_out import CIOU
from experiments.plot import scatter, svg
from experiments.runs import Run, find_runs, write_runs
from experiments.tables import block, both_ends, control_of
from hardware.environment import REPOSITORY
from polygon import UserError, cli

BEGIN, END = "<!-- made by experiments.collect -->", "<!-- end -->"

# Not Hydra: there `experiment=` chooses a recipe of conf/experiment, which composes with what is trained.
SETTINGS = {"experiment": "???", "runs": "outputs/${experiment}", "control": None, "write": False, "check": False}


@cli
def main() -> None:
    config = OmegaConf.create(SETTINGS)
    OmegaConf.set_struct(config, True)
    try:
        config.merge_with_cli()
        runs = find_runs(*map(Path, [config.runs] if isinstance(config.runs, str) else config.runs))
    except OmegaConfBaseException as error:
        raise UserError(f"{str(error).splitlines()[0]}; settings: {', '.join(SETTINGS)}") from None
    folder = REPOSITORY / "experiments" / config.experiment
    readme = folder / "README.md"
    old = readme.read_text() if readme.exists() else f"# {config.experiment}\n\n{BEGIN}\n{END}\n"
    told = control_of(old)
    text = block(runs, config.control or (told if told in {run.arm for run in runs} else None))
    print(text)
    if config.write:
        folder.mkdir(exist_ok=True)
        write_runs(folder / "runs.jsonl", runs)
        readme.write_text(replaced(old, text))
        drawn = plots(runs, old)
        for name, picture in drawn.items():
            (folder / name).write_text(picture)
        print(f"\nwritten: {', '.join((str(readme.relative_to(REPOSITORY)), 'runs.jsonl', *drawn))}")
    elif config.check and text not in old:
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


def replaced(readme: str, text: str) -> str:
    """The README with its table renewed. Raises UserError where it has no place for one."""
    if BEGIN not in readme or END not in readme:
        raise UserError(f"the README has no lines {BEGIN} and {END} between which the table goes: add them")
    return readme[: readme.index(BEGIN) + len(BEGIN)] + f"\n{text}\n" + readme[readme.index(END) :]


if __name__ == "__main__":
    main()
