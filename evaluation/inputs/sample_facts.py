"""What a reader has to know of the samples that a foreign file answers: kind of answer, size and photograph.

Why: pixel coordinates need the image's size, and COCO results name images, not expressions. Both stand in the prepared
rows beside the images, which stay undecoded here.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.task import TASKS
from polygon import Kind, Target, UserError


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """`height` and `width` are px; `image_id` is the photograph's, as data/record.py writes it.

    `source_image_id` and `category_id` are those of the annotation file, `ann_id` the object's; None where it has none.
    """

    kind: Kind
    height: int
    width: int
    image_id: str
    ann_id: str | None = None
    source_image_id: int | str | None = None
    category_id: int | str | None = None


def read_facts(files: Iterable[Path], limit: int | None = None, kind: Kind | None = None) -> dict[str, SampleFacts]:
    """Facts by sample id, in the order of the rows of a prepared split (`PreparedRows.files`), the first `limit` only.

    kind: of all of them, or None for what each task asks for.
    A row that `data.rows` cannot use has none here either. Raises UserError for a file that is no parquet file.
    """
    facts = {}
    for row in islice(_rows(files), limit):
        try:
            target = Target.from_json(row["reward_model"]["ground_truth"])
            extra = row["extra_info"]
            asked = kind or TASKS[target.task].answer_kind
            facts[extra["sample_id"]] = SampleFacts(
                asked,
                target.height,
                target.width,
                str(extra["image_id"]),
                extra["ann_id"],
                *(json.loads(extra.get(key) or "null") for key in ("source_image_id", "category_id")),
            )
        except (UserError, LookupError, TypeError, ValueError):
            continue  # `PreparedRows` skips and names it when the samples themselves are read
    return facts


def _rows(files: Iterable[Path]) -> Iterator[dict]:
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=["reward_model", "extra_info"]):
                    yield from batch.to_pylist()
        except (OSError, KeyError, pa.ArrowException) as error:
            raise UserError(f"{path} is no readable parquet file; prepare it again with force=true") from error
