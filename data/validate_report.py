"""`problems.json`: what was wrong with a dataset's files, how often, and where.

Why: a share of bad rows can be lived with if it is known; a large one means that something else is wrong, usually a
folder, and ends the run before a row is written.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from polygon import UserError

_EXAMPLES = 2  # of a reason, in the message of a failure


def problem_report(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """From tables of `checked_records.FACTS`, by split: counts of texts, as rows are made of those, and bad records."""
    splits, bad = {}, []
    for split, table in tables.items():
        found = table.filter(pc.is_valid(table["reason"])).to_pylist()
        texts, reasons, converted = pc.sum(table["texts"]).as_py() or 0, Counter(), Counter()
        for row in found:
            reasons[row["reason"]] += row["texts"]
        for row in table["converted"].drop_null().to_pylist():
            converted.update(row.split(", "))
        splits[split] = {
            "records": len(table),
            "texts": texts,
            "bad texts": reasons.total(),
            "bad share": reasons.total() / texts if texts else 0.0,
            "bad texts by reason": dict(reasons.most_common()),
            "objects left out by reason": {},
            "records with a converted image": dict(converted.most_common()),
        }
        keys = ("source", "ann_id", "image_id", "image", "reason", "detail", "texts")
        bad += [{"split": split, **{key: row[key] for key in keys}} for row in found]
    return {"splits": splits, "bad": bad}


def check_share(report: Mapping[str, Any], name: str, max_share: float, layout: str, listed: str) -> None:
    """Raise UserError for a split with a larger share of bad texts: the reasons, examples, and the way out.

    A single bad record ends no run unless the share is 0, however few records there are.
    `layout` is what the source expects to find where, `listed` the file that has all of them.
    """
    for split, counts in report["splits"].items():
        records = sum(row["split"] == split for row in report["bad"])
        if counts["bad share"] <= max_share or (max_share > 0 and records == 1 < counts["records"]):
            continue
        parts = []
        for reason, n in counts["bad texts by reason"].items():
            details = [row["detail"] for row in report["bad"] if (row["split"], row["reason"]) == (split, reason)]
            parts.append(f"{n} {reason} ({'; '.join(details[:_EXAMPLES])})")
        raise UserError(
            f"{name}: {counts['bad texts']} of {counts['texts']} texts of {split} cannot be used, more than "
            f"max_bad_share={max_share:g}: {', '.join(parts)}; all are listed in {listed}; expected: {layout}"
        )


def left_out(report: Mapping[str, Any], split: str) -> str:
    """Reasons why texts of a split are left out, the most frequent first, each with an example."""
    parts = []
    for reason, n in report["splits"][split]["bad texts by reason"].items():
        example = next(row["detail"] for row in report["bad"] if (row["split"], row["reason"]) == (split, reason))
        parts.append(f"{n} {reason} ({example})")
    return "; ".join(parts)


def objects_left_out(counts: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Objects of a split that are no targets, by reason, the most frequent first: how many, and that in words."""
    found = []
    for reason, each in counts["objects left out by reason"].items():
        way_out = f"; {each['way out']}" if each["way out"] else ""
        found.append((each["objects"], f"{each['objects']} {reason} ({each['example']}{way_out})"))
    return sorted(found, reverse=True)


def summary(report: Mapping[str, Any]) -> list[str]:
    """A line for each thing a user should know about a dataset that passed."""
    lines = list(report.get("notes", ()))
    for split, counts in report["splits"].items():
        if counts["bad texts"]:
            reasons = left_out(report, split)
            lines.append(f"{split}: {counts['bad texts']} of {counts['texts']} texts left out: {reasons}")
        if objects := objects_left_out(counts):
            lines.append(f"{split}: no targets: {'; '.join(words for _, words in objects)}")
        if counts["records with a converted image"]:
            notes = ", ".join(f"{n} {note}" for note, n in counts["records with a converted image"].items())
            lines.append(f"{split}: converted or odd: {notes}")
    for split, sources in report.get("leakage", {}).get("splits", {}).items():
        for source, counts in sources.items():
            if counts["texts"]:
                places = ", ".join(f"{n} {place}" for place, n in counts["texts by split"].items())
                share = f"{counts['texts']} of {counts['of texts']} texts of {source} {report['leakage']['done']}"
                lines.append(f"{split}: {share}, their {counts['images']} images are held out elsewhere: {places}")
    near = report.get("near copies", {"splits": {}})
    for split, counts in near["splits"].items():
        if counts["texts"]:
            examples = "; ".join(f"{ours} and {theirs}" for ours, theirs in counts["examples"])
            way_out = "" if near["done"] == "dropped" else ", dataset.near_copies=drop leaves them out"
            lines.append(
                f"{split}: {counts['texts']} texts {near['done']}, their {counts['images']} images look like held-out "
                f"ones ({examples}){way_out}"
            )
    return lines
