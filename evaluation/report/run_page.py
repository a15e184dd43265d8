"""The page of a training run: where it comes from, its metrics at either end, every curve. RUN_DIR/report.html"""

import json
import re
from pathlib import Path

import yaml

from evaluation.report.curves import ENDS, TELLING, Curve, ends, read_run
from evaluation.report.page import write_report
from evaluation.report.table import Table

SHOWN = re.compile(rf"{TELLING}|train/loss|val/loss")
MEANINGS = {
    "first, last": f"means over {ENDS} steps at either end of the run; of a validation (val-...), its first and last",
    "reward/...": "the raw terms of the answers that were trained on, whose questions change from step to step",
}


def write_run_page(folder: Path) -> Path | None:
    """Write `report.html` into a run's folder; None where the run has logged nothing."""
    curves = read_run(folder)
    if not curves:
        return None
    config = yaml.safe_load((folder / "config.yaml").read_text())
    start = json.loads((folder / "run.json").read_text())["starts"][-1]
    label = f"{config['arm'] or 'default'}, seed {config['seed']}"
    machine = start["machine"]
    page = folder / "report.html"
    write_report(
        page,
        title=f"{config['name']}: {label}",
        facts={
            "command": start["command"],
            "commit": start["commit"] or "no checkout",
            "started": start["started"],
            "model": config["vlm"]["path"],
            "machine": ", ".join([*machine["gpus"], f"{machine['cores']} cores", machine["processor"]]),
            "versions": ", ".join(f"{name} {version}" for name, version in start["versions"].items()),
        },
        conventions=MEANINGS,
        tables=[table_of_ends(curves)],
        curves={label: curves},
    )
    return page


def table_of_ends(curves: dict[str, Curve]) -> Table:
    """First and last values of the metrics that matter."""
    rows = []
    for name in filter(SHOWN.fullmatch, sorted(curves)):
        first, last = ends(curves[name].values, 1 if name.startswith("val") else ENDS)
        rows.append((name, f"{first:.4g}", f"{last:.4g}", f"{last - first:+.3g}"))
    return ("metric", "first", "last", "change"), rows
