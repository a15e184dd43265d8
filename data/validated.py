"""`Validated`: the usable part of a source of files, by the same random access.

Why: bad and leaking records are left out before rows are drawn, so that a number of rows is that number, no pass over
the texts is interrupted, and what a row holds never depends on which process writes it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from data.checked import Checked
from data.checked_records import CONTENT, FACTS, CheckedRecords
from data.leakage import HeldOut, is_training, leak_counts
from data.near_copies import near_copies
from data.partial_folder import PartialFolder
from data.plan import Plan
from data.record import Record
from data.record_source import RecordSource
from data.validate import read_checks, validate
from data.validate_report import check_share, left_out, objects_left_out, problem_report
from polygon import UserError


class Validated(RecordSource):
    """`source` without some of its records, and with those looked up that `tables` have: CONTENT by split."""

    def __init__(self, source: RecordSource, tables: Mapping[str, pa.Table]):
        super().__init__(name=source.name, seed=source.seed)
        self._found = {split: CheckedRecords(table, source.records(split)) for split, table in tables.items()}

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._found)

    def records(self, split: str) -> Sequence[Record]:
        return self._found[split].records

    def expression_counts(self, split: str) -> Sequence[int]:
        return self._found[split].expression_counts

    def checked(self, split: str, number: int, task: str) -> Checked:
        return self._found[split][number]


def _nothing_left(plan: Plan, report: Mapping[str, Any], split: str, leaked: int) -> str:
    """All that was left out of a split, largest first; the way out where the reason is leakage."""
    bad = report["splits"][split]
    reasons = objects_left_out(bad)
    if bad["bad texts"]:
        reasons.append((bad["bad texts"], left_out(report, split)))
    if leaked:
        dropped = f"{leaked} objects of images that are held out elsewhere; dataset.leakage=keep uses those too"
        reasons.append((leaked, dropped))
    said = "; ".join(words for _, words in sorted(reasons, reverse=True)) or "the files have no object for it"
    return f"{plan.name}: nothing is left of {split}: {said}"


def usable_part(
    plan: Plan, source: RecordSource, made: PartialFolder, workers: int, progress: tqdm, problems: Path
) -> tuple[Validated, dict[str, Any]]:
    """(what `plan` may use of `source`, the content of problems.json).

    Raises UserError if that is too little; the file `problems` then has all that is wrong.
    """
    used = dict.fromkeys(split for splits in plan.sizes.values() for split in splits)
    progress.total += sum(len(source.records(split)) for split in used)
    files = validate(source, {split: plan.task_of(split) for split in used}, plan.codec, made, workers, progress.update)
    tables = {split: read_checks(files[split], FACTS) for split in used}
    report = problem_report(tables)
    report["notes"] = source.notes()
    for split in used:
        report["splits"][split]["objects left out by reason"] = {
            reason: {"objects": count, "example": example, "way out": source.way_out(reason)}
            for reason, (count, example) in source.passed_over(split).items()
        }
    problems.unlink(missing_ok=True)
    try:
        check_share(report, plan.name, plan.max_bad_share, source.layout, str(problems))
    except UserError:
        problems.write_text(json.dumps(report, indent=2) + "\n")
        raise
    held_out = HeldOut([source, *plan.against] if any(map(is_training, used)) else [], tables)
    usable, leakage, looks_alike = {}, {}, {}
    for split, table in tables.items():
        usable_R = pc.is_null(table["reason"]).to_numpy()
        if is_training(split):
            leaked_R = held_out.leaks(table) & usable_R
            leakage[split] = leak_counts(table, leaked_R, held_out)
            if plan.leakage == "drop":
                usable_R = usable_R & ~leaked_R
            if plan.near_copies != "ignore":
                near = near_copies(table, tables, ~usable_R | leaked_R)
                looks_alike[split] = {
                    "texts": int(table["texts"].to_numpy()[near.rows_R].sum()),
                    "images": near.images,
                    "examples": near.examples,
                }
                if plan.near_copies == "drop":
                    usable_R = usable_R & ~near.rows_R
        usable[split] = table["number"].to_numpy()[usable_R]
        if not len(usable[split]):
            raise UserError(_nothing_left(plan, report, split, int(leaked_R.sum()) if is_training(split) else 0))
    report["near copies"] = {"done": {"drop": "dropped"}.get(plan.near_copies, "kept"), "splits": looks_alike}
    report["leakage"] = {"done": {"drop": "dropped", "keep": "kept"}[plan.leakage], "splits": leakage}
    contents = {split: read_checks(files[split], CONTENT, usable[split]) for split in used}
    return Validated(source, contents), report
