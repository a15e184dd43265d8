"""The dataset card: what a prepared dataset holds, for people (card.md, card.png) and for programs (card.json).

Why: what a model was taught is read off the rows themselves, before a week of training: which tasks and sources, how
long the words, how large and how many-parted the objects, what the codec makes of them, and what will not fit.
How: `python -m data.prepare` writes it beside the rows, with the keys `card` of conf/prepare.yaml.  Counts are of all
rows; everything else is of the first `card.rows` of every split, which are a random sample, since rows are shuffled.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pyarrow.dataset as ds
from tqdm import tqdm

from data.card_facts import RowFacts, figures, row_facts
from data.card_settings import CardSettings
from data.card_text import card_text
from data.card_tokens import TokenCounter, token_figures
from data.plan import Plan
from data.sample import encode_png
from data.sheet import contact_sheet
from data.stream import SftRows
from data.validate_report import summary
from data.workers import Advance, share

_CHUNK = 50  # rows that a worker measures at a time


def write_card(
    folder: Path,
    plan: Plan,
    settings: CardSettings,
    rows: Mapping[str, SftRows],
    count: TokenCounter | None,
    workers: int,
    progress: tqdm,
) -> None:
    """Write card.json, card.md and card.png into `folder`, which holds the files of every "<stage>/<split>" of `rows`.

    `count` counts tokens, if they are to be counted.
    """
    counts = {place: _row_counts(folder / place) for place in rows}
    sizes = {place: sum(entry["rows"] for entry in entries) for place, entries in counts.items()}
    found = _measure_all(
        rows, {place: min(settings.rows or size, size) for place, size in sizes.items()}, workers, progress
    )
    described = {}
    for place, facts in found.items():
        described[place] = figures(facts)
        if count:
            described[place]["tokens"] = token_figures(facts, count, settings.limits(place.partition("/")[0]))
    problems = folder / "problems.json"
    card = {
        "name": plan.name,
        "settings": plan.settings,
        "rows": counts,
        "figures": described,
        "checks": summary(json.loads(problems.read_text())) if problems.is_file() else [],
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    (folder / "card.md").write_text(card_text(card))
    if settings.sheet:
        (folder / "card.png").write_bytes(encode_png(_sheet(rows, sizes, settings.sheet)))


def _row_counts(folder: Path) -> list[dict]:
    """Rows of a split by source and task, as its files say."""
    table = ds.dataset(folder, format="parquet").to_table(["data_source", "ability"])
    counted = (
        table.group_by(["data_source", "ability"])
        .aggregate([([], "count_all")])
        .sort_by([("data_source", "ascending"), ("ability", "ascending")])
    )
    return counted.rename_columns(["source", "task", "rows"]).to_pylist()


def _measure_all(
    rows: Mapping[str, SftRows], n_rows: Mapping[str, int], workers: int, progress: tqdm
) -> dict[str, list[RowFacts]]:
    chunks = [(place, start, min(start + _CHUNK, n)) for place, n in n_rows.items() for start in range(0, n, _CHUNK)]
    progress.total += sum(n_rows.values())
    measured = dict(share(partial(_measure, rows), chunks, workers, progress.update))
    return {place: [row for chunk in chunks if chunk[0] == place for row in measured[chunk]] for place in rows}


def _measure(rows: Mapping[str, SftRows], chunk: tuple[str, int, int], advance: Advance) -> list[RowFacts]:
    place, start, stop = chunk
    facts = [row_facts(*rows[place].text(index), rows[place].codec) for index in range(start, stop)]
    advance(stop - start)
    return facts


def _sheet(rows: Mapping[str, SftRows], sizes: Mapping[str, int], n_samples: int):
    """Samples of all splits in turn, the first of each; a split of two stages shows that of the first."""
    places = {place.rpartition("/")[2]: place for place in reversed([*sizes])}.values()
    order = sorted((index, place) for place in places for index in range(min(sizes[place], n_samples)))
    drawn = (rows[place].text(index) for index, place in order[:n_samples])
    codec = next(iter(rows.values())).codec
    return contact_sheet([(sample, answer) for sample, _, answer in drawn], codec)
