"""`Validated`: the usable part of a source of files, by the same random access.

Why: bad and leaking records are left out before rows are drawn, so that a number of rows is that number, no pass over
the texts is interrupted, and what a row holds never depends on which process writes it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from tqdm import tqdm

from data.leakage import held_out_images, is_training, leak_counts, leaks
from data.mask_texts import MaskTexts
from data.partial_folder import PartialFolder
from data.plan import Plan
from data.record import Record
from data.record_source import RecordSource
from data.validate import FACTS, read_checks, validate
from data.validate_report import check_share, problem_report
from polygon import UserError


class Validated(RecordSource):
    """`source` without some of its records.

    `texts_R`: by split, the number of texts of every record, 0 for one to leave out.
    Headers alone are read from now on: what the files hold has been looked at.
    """

    def __init__(self, source: RecordSource, texts_R: Mapping[str, NDArray[np.integer]]):
        super().__init__(name=source.name, seed=source.seed, decode_images=False)
        self._source = source
        self._usable_ends = {split: np.cumsum(counts_R, dtype=np.int64) for split, counts_R in texts_R.items()}

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._usable_ends)

    def records(self, split: str) -> Sequence[Record]:
        return self._source.records(split)

    def _text_ends(self, split: str) -> NDArray[np.int64]:
        return self._usable_ends[split]


def usable_part(
    plan: Plan, source: RecordSource, made: PartialFolder, workers: int, progress: tqdm, problems: Path
) -> tuple[Validated, MaskTexts, dict[str, Any]]:
    """(what `plan` may use of `source`, answers to its masks, the content of problems.json).

    Raises UserError if that is too little; the file `problems` then has all that is wrong.
    """
    used = dict.fromkeys(split for splits in plan.sizes.values() for split in splits)
    progress.total += sum(len(source.records(split)) for split in used)
    files = validate(source, {split: plan.task_of(split) for split in used}, plan.codec, made, workers, progress.update)
    tables = {split: read_checks(files[split], FACTS) for split in used}
    report = problem_report(tables)
    problems.unlink(missing_ok=True)
    try:
        check_share(report, plan.name, plan.max_bad_share, source.layout, str(problems))
    except UserError:
        problems.write_text(json.dumps(report, indent=2) + "\n")
        raise
    held_out = held_out_images([source, *plan.against]) if any(map(is_training, used)) else {}
    texts_R, leakage = {}, {}
    for split, table in tables.items():
        usable_R = pc.is_null(table["reason"]).to_numpy()
        if is_training(split):
            leaked_R = leaks(table["image_id"], held_out) & usable_R
            leakage[split] = leak_counts(table, leaked_R, held_out)
            if plan.leakage == "drop":
                usable_R = usable_R & ~leaked_R
        texts_R[split] = np.where(usable_R, table["texts"].to_numpy(), 0)
        if not texts_R[split].any():
            raise UserError(f"{plan.name}: nothing is left of {split}; dataset.leakage=keep uses held-out images too")
    report["leakage"] = {"done": {"drop": "dropped", "keep": "kept"}[plan.leakage], "splits": leakage}
    known = MaskTexts(read_checks([file for split in used for file in files[split]], ("mask_key", "mask_text")))
    return Validated(source, texts_R), known, report
