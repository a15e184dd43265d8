"""An experiment's runs as Markdown: a line for each arm, each held-out dataset, each arm against a control."""

import math
import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from evaluation.report.curves import ENDS, ends
from experiments.held_out import CEILING, CIOU
from experiments.runs import Curve, Run
from polygon import UserError
from polygon.markdown import markdown_table

HEADER = (
    "arm", "seeds", "steps", "held-out IoU before", "after", "change", "cIoU after", "codec's ceiling",
    f"training IoU, last {ENDS} steps - first {ENDS}", "tokens", "unreadable",
)  # fmt: skip
PARTS = ("arm", "held-out dataset", "measure", "before", "after", "change")
AGAINST = "held-out IoU after, less that of "
CONTROL = re.compile(rf"^\| {AGAINST}(\S+) \|", re.MULTILINE)

Arms = Mapping[str, Sequence[Run]]


def block(runs: Sequence[Run], control: str | None = None) -> str:
    """The tables, and where their runs come from. Raises UserError where `control` is none of the arms."""
    arms: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        arms[run.arm].append(run)
    tables = [markdown_table(HEADER, [row(arm, of_arm) for arm, of_arm in arms.items()])]
    if any(len(run.held_out) > 1 for run in runs):
        rows = [cells for arm, of_arm in arms.items() for cells in part_rows(arm, of_arm)]
        tables.append(markdown_table(PARTS, rows))
    if control is not None:
        tables.append(against(arms, control))
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


def control_of(readme: str) -> str | None:
    """The arm that a README's table holds the others to."""
    found = CONTROL.search(readme)
    return found and found.group(1)


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


def against(arms: Arms, control: str) -> str:
    """Held-out IoU after training less the control's of the same seed: what both seeds share drops out."""
    if control not in arms:
        raise UserError(f"control={control} is none of the arms: {', '.join(arms)}")
    curves = {(run.arm, run.seed): run.held_out_iou for runs in arms.values() for run in runs}
    after = {key: curve[max(curve)] for key, curve in curves.items() if len(curve) > 1}
    seeds = sorted({run.seed for run in arms[control]})
    rows = []
    for arm in arms:
        differences = [after.get((arm, seed), math.nan) - after.get((control, seed), math.nan) for seed in seeds]
        if arm != control:
            rows.append((arm, *(spread([each], signed=True) for each in differences), spread(differences, signed=True)))
    return markdown_table((f"{AGAINST}{control}", *(f"seed {seed}" for seed in seeds), "mean"), rows)


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
