"""What `<predictions>.meta.json` says of the dataset that was asked, held against the one that is scored.

Why: answers belong to questions. A dataset that was prepared again with other photographs, another division or another
codec asks others, and a score of old answers on it means nothing.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.rows import PreparedRows, read_samples
from evaluation.inputs.reader import Inputs
from evaluation.inputs.sample_facts import read_facts
from polygon import UserError


def sidecar(predictions: str | Path) -> dict[str, Any]:
    """Empty where nobody wrote one, as beside other models' answers."""
    path = Path(predictions)
    try:
        content = json.loads(path.with_name(path.name + ".meta.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def check_dataset(inputs: Inputs, data_root: str, name: str, splits: Sequence[str]) -> None:
    """Raises UserError where the answers are of another dataset or of another preparation of it."""
    predictions = inputs.path
    meta = sidecar(predictions)
    if not meta.get("data"):
        return
    split = meta.get("split")
    same = meta.get("dataset") == name and split in splits
    rows: PreparedRows | None = read_samples(data_root, name, str(split)) if same else None
    if rows is not None and rows.digest() == meta["data"]:
        return
    ids = {prediction.sample_id for prediction in inputs}
    asked = read_facts(inputs.rows.files).keys()
    what = (
        f"another preparation of {name} {split} (fingerprint {meta['data']}, here {rows.digest()})"
        if rows is not None
        else f"{meta.get('dataset')} {split}, not {name} {', '.join(splits)}"
    )
    raise UserError(
        f"{predictions} has answers to {what}: {len(ids & asked)} of its {len(ids)} samples are asked here too; "
        "generate them again, or score those alone with only_matching=true"
    )
