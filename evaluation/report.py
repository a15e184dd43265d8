"""One self-contained report.html of a training run: before/after tables, curves of every metric, random examples.

The page needs no network, no script and no other file: styles are inline, charts and outlines are SVG, images are data
URIs. Model output is untrusted: every text is escaped, and a content policy forbids scripts and fetches all the same.

    write_report(
        "report.html",
        title="GSPO on shapes",
        facts={"steps": "40", "wall time": "12 min"},
        conventions=before.conventions,
        comparisons={"greedy": compare(before, after), "temperature 1": compare(before_sampled, after_sampled)},
        curves={"seed 1": read_curves("outputs/rl/metrics.jsonl")},
        examples=gallery(samples, {"before": before_predictions, "after": after_predictions}, codec),
    )
"""

import html
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from evaluation.chart import N_COLOURS, line_chart
from evaluation.comparison import COLUMNS, Comparison, caption, cells
from evaluation.curves import Curve
from evaluation.gallery import Example
from evaluation.output import write_whole
from evaluation.overlay import example_html

UNGROUPED = "answers"
"""A curve's group is its name up to the first slash. verl's names have one; ours without describe the answers."""
OPEN_GROUPS = ("reward", UNGROUPED)
"""Groups that start with one of these are shown without a click."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(
    path: str | Path,
    *,
    title: str,
    facts: Mapping[str, str],
    conventions: Mapping[str, str],
    comparisons: Mapping[str, Comparison],
    curves: Mapping[str, Mapping[str, Curve]],
    examples: Sequence[Example],
) -> None:
    """Write the page, all of it or nothing.

    `facts` are shown under the title (dataset, steps, wall time, ...), `conventions` are those of the scores,
    `comparisons` maps a way of decoding to its comparison, `curves` a run's label to its curves by metric name.
    """
    body = "".join(
        [
            f"<h1>{html.escape(title)}</h1>{_definitions(facts)}",
            "<h2>Before and after</h2>",
            *(_comparison(decoding, comparison) for decoding, comparison in comparisons.items()),
            f"<details><summary>What the numbers mean</summary>{_definitions(conventions)}</details>",
            f"<h2>Training</h2>{_curves(curves)}",
            "<h2>Examples</h2><p>Drawn at random from the held-out samples, not chosen.</p>",
            *(example_html(example, index) for index, example in enumerate(examples)),
        ]
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    page = _PAGE.format(policy=POLICY, title=html.escape(title), style=style, body=body)
    # A lone surrogate in a model's answer has no UTF-8 form.
    write_whole(path, page.encode("utf-8", errors="replace"))


def _definitions(entries: Mapping[str, str]) -> str:
    rows = (f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in entries.items())
    return f"<dl>{''.join(rows)}</dl>"


def _comparison(decoding: str, comparison: Comparison) -> str:
    tables = []
    for name, task in comparison.tasks.items():
        header = "".join(f"<th>{column}</th>" for column in ("metric", *COLUMNS))
        rows = "".join(
            f"<tr>{''.join(f'<td>{_breakable(cell)}</td>' for cell in cells(row))}</tr>" for row in task.rows
        )
        title = html.escape(caption(decoding, name, task, comparison.n_seeds))
        tables.append(f'<div class="scroll"><table><caption>{title}</caption><tr>{header}</tr>{rows}</table></div>')
    return "".join(tables)


def _breakable(cell: str) -> str:
    """On a narrow screen a value may break before its error, not after the sign."""
    return html.escape(cell).replace("± ", "±&nbsp;")


def _curves(curves: Mapping[str, Mapping[str, Curve]]) -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted({name for run in curves.values() for name in run}):
        groups[name.split("/")[0] if "/" in name else UNGROUPED].append(name)
    sections = []
    for group in sorted(groups, key=lambda group: (not group.startswith(OPEN_GROUPS), group)):
        is_open = " open" if group.startswith(OPEN_GROUPS) else ""
        runs = [(name, {label: run[name] for label, run in curves.items() if name in run}) for name in groups[group]]
        charts = f'<div class="charts">{"".join(line_chart(name, curve_by_run) for name, curve_by_run in runs)}</div>'
        sections.append(f"<details{is_open}><summary>{html.escape(group)}</summary>{charts}</details>")
    keys = (f'<span class="key run-{i % N_COLOURS}">{html.escape(label)}</span>' for i, label in enumerate(curves))
    return f"<p>{''.join(keys)}</p>{''.join(sections)}"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title><style>
{style}</style></head><body><main>
{body}
</main></body></html>
"""
