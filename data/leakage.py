"""Leakage: photographs that a training split shares with a split a model is judged on.

Why: the RefCOCO series annotates the same COCO images several times with other splits: an image of RefCOCO's train is
in RefCOCOg's val.  A model trained on the series has then seen the pixels it is tested on, other words about them, and
often the object.  Published results of the series are trained that way (`dataset.leakage: keep`); by default we do not.
How: an image is known by `Record.image_id`, which datasets over the same photographs share.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.record_source import RecordSource

LEAKAGE = ("drop", "keep")


def is_training(split: str) -> bool:
    """Every split is held out for judging, but train and what is named after it (train2014, trainval)."""
    return split.startswith("train")


def held_out_images(sources: Iterable[RecordSource]) -> dict[str, set[str]]:
    """Image id -> the held-out splits that show it, as "refcocog val"; of all splits, used or not."""
    places: dict[str, set[str]] = {}
    for source in sources:
        for split in filter(lambda split: not is_training(split), source.splits):
            for record in source.records(split):
                places.setdefault(record.image_id, set()).add(f"{record.source} {split}")
    return places


def leaks(image_ids: pa.ChunkedArray, held_out: Mapping[str, Set[str]]) -> NDArray[np.bool_]:
    """Which of the records' images are held out, bool (R,)."""
    return pc.is_in(image_ids, value_set=pa.array(held_out, pa.string())).to_numpy()


def leak_counts(table: pa.Table, leaked_R: NDArray[np.bool_], held_out: Mapping[str, Set[str]]) -> dict[str, dict]:
    """By source: all texts, and of those that leak the texts, the images, and the texts by the split they leak from.

    `table` has the columns source, image_id and texts (`checked_records.COLUMNS`), a row a record.
    """
    counts: dict[str, dict] = {}
    for source in pc.unique(table["source"]).to_pylist():
        of_source_R = pc.equal(table["source"], source).to_numpy()
        found = table.filter(pa.array(of_source_R & leaked_R)).select(["image_id", "texts"]).to_pylist()
        by_split = Counter()
        for row in found:
            by_split.update(dict.fromkeys(held_out[row["image_id"]], row["texts"]))
        counts[source] = {
            "of texts": int(table["texts"].to_numpy()[of_source_R].sum()),
            "texts": sum(row["texts"] for row in found),
            "images": len({row["image_id"] for row in found}),
            "texts by split": dict(sorted(by_split.items())),
        }
    return counts
