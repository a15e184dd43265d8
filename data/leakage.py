"""Leakage: photographs that a training split shares with a split a model is judged on.

Why: the RefCOCO series annotates the same COCO images several times with other splits: an image of RefCOCO's train is
in RefCOCOg's val.  A model trained on the series has then seen the pixels it is tested on, other words about them, and
often the object.  Published results of the series are trained that way (`dataset.leakage: keep`); by default we do not.
How: an image is known by `Record.image_id`, which datasets over the same photographs share, and its augmented versions
by what their names have in common; exact copies under other names are known by their bytes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data.record import family
from data.record_source import RecordSource

LEAKAGE = ("drop", "keep")


def is_training(split: str) -> bool:
    """Every split is held out for judging, but train and what is named after it (train2014, trainval)."""
    return split.startswith("train")


class HeldOut:
    """The photographs of held-out splits, by their family (`record.family`), and by their bytes where these were read.

    `places` maps a photograph to the splits that show it, as "refcocog val"; of all splits, used or not.
    """

    def __init__(self, sources: Iterable[RecordSource], tables: Mapping[str, pa.Table]):
        """tables: of `checked_records.FACTS`, by split, those of the first source that are used."""
        self.places: dict[str, set[str]] = {}
        for source in sources:
            for split in filter(lambda split: not is_training(split), source.splits):
                for record in source.records(split):
                    self.places.setdefault(family(record.image_id), set()).add(f"{record.source} {split}")
        for split, table in tables.items():
            if not is_training(split):
                for row in table.select(["source", "digest"]).to_pylist():
                    if row["digest"]:
                        self.places.setdefault(row["digest"], set()).add(f"{row['source']} {split}")

    def shown(self, row: Mapping[str, str | None]) -> set[str]:
        """The held-out splits that show the photograph of a record."""
        found = self.places.get(family(row["image_id"] or ""), set())
        return found | self.places.get(row["digest"] or "", set())

    def leaks(self, table: pa.Table) -> NDArray[np.bool_]:
        """Which records of a training split show a held-out photograph, bool (R,)."""
        rows = table.select(["image_id", "digest"]).to_pylist() if self.places else [{}] * len(table)
        return np.array([bool(row) and bool(self.shown(row)) for row in rows], dtype=bool)


def leak_counts(table: pa.Table, leaked_R: NDArray[np.bool_], held_out: HeldOut) -> dict[str, dict]:
    """By source: all texts, and of those that leak the texts, the images, and the texts by the split they leak from.

    `table` has the columns source, image_id, digest and texts (`checked_records.COLUMNS`), a row a record.
    """
    counts: dict[str, dict] = {}
    for source in pc.unique(table["source"]).to_pylist():
        of_source_R = pc.equal(table["source"], source).to_numpy()
        found = table.filter(pa.array(of_source_R & leaked_R)).select(["image_id", "digest", "texts"]).to_pylist()
        by_split = Counter()
        for row in found:
            by_split.update(dict.fromkeys(held_out.shown(row), row["texts"]))
        counts[source] = {
            "of texts": int(table["texts"].to_numpy()[of_source_R].sum()),
            "texts": sum(row["texts"] for row in found),
            "images": len({row["image_id"] for row in found}),
            "texts by split": dict(sorted(by_split.items())),
        }
    return counts
