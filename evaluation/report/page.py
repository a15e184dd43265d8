"""One self-contained report.html: tables with intervals, curves of training, charts, groups and a gallery to explore.

    python -m evaluation.run predictions=val.jsonl dataset=shapes report=report.html
    python -m evaluation.run predictions=after.jsonl baseline=before.jsonl dataset=shapes report=report.html

The page opens offline and fetches nothing: style, script (evaluation/report/assets) and photos are inside. Its content
policy lets run that one script, known by its hash, and nothing else; all text from models and data sets is escaped.

    rows = report_rows({"before": before.results(), "after": after.results()})
    write_report(
        "report.html",
        title="GSPO on shapes",
        facts={"steps": "40", "wall time": "12 min"},
        conventions=before.conventions,
        tables=comparison_tables({"greedy": compare(before, after)}),
        runs=("before", "after"),
        rows=rows,
        examples=gallery(rows, samples, {"before": read_predictions(a), "after": read_predictions(b)}, codec=codec),
        curves={"seed 1": read_curves("outputs/rl/metrics.jsonl")},
    )
"""

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from evaluation.report.chart import curves_html
from evaluation.report.curves import Curve
from evaluation.report.gallery import Example
from evaluation.report.page_data import page_data
from evaluation.report.row import ReportRow
from evaluation.report.table import Table
from polygon.output import write_whole

PAGE = Path(__file__).with_name("assets")
STYLES = ("page.css", "charts.css", "gallery.css")
SCRIPTS = ("data.js", "filters.js", "charts.js", "groups.js", "shapes.js", "gallery.js", "viewer.js")


def write_report(
    path: str | Path,
    *,
    title: str,
    facts: Mapping[str, str],
    conventions: Mapping[str, str],
    tables: Sequence[Table],
    group_tables: Sequence[Table] = (),
    runs: Sequence[str] = (),
    rows: Sequence[ReportRow] = (),
    examples: Sequence[Example] = (),
    curves: Mapping[str, Mapping[str, Curve]] | None = None,
) -> None:
    """Write the page, all of it or nothing. Raises UserError if it cannot be written.

    `facts` are shown under the title (dataset, steps, wall time, ...), `conventions` are those of the scores,
    `group_tables` are folded away at first, `curves` maps a training run's label to its curves by metric name. `runs`
    (one label, or two to compare), `rows` and `examples` make the charts, the groups and the gallery, which are left
    out without rows.
    """
    results = [_tables(tables)]
    if group_tables:
        results.append(_folded("By group", _tables(group_tables)))
    results.append(_folded("What the numbers mean", _definitions(conventions, "long")))
    sections = {"Results": "".join(results)}
    if curves:
        sections["Training"] = curves_html(curves)
    data = script = ""
    if rows:
        sections |= {"Explore": _asset("explore.html"), "Gallery": _asset("gallery.html")}
        data = page_data(runs, rows, examples)
        script = "".join(map(_asset, SCRIPTS))
    style = "".join(map(_asset, STYLES))
    page = Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        title=html.escape(title),
        facts=_definitions(facts, "short"),
        links="".join(f'<a href="#{name.lower()}">{name}</a>' for name in sections),
        sections="".join(
            f'<section id="{name.lower()}"><h2>{name}</h2>{body}</section>' for name, body in sections.items()
        ),
        style=style,
        data=data,
        script=script,
    )
    # A lone surrogate in a model's answer has no UTF-8 form.
    write_whole(path, page.encode("utf-8", errors="replace"))


def _asset(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The content policy's name for an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}'"


def _definitions(entries: Mapping[str, str], css: str) -> str:
    rows = (f"<div><dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd></div>" for key, value in entries.items())
    return f'<dl class="{css}">{"".join(rows)}</dl>'


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>{body}</details>"


def _tables(tables: Sequence[Table]) -> str:
    return f'<div class="tables-in-rows">{"".join(map(_table, tables))}</div>'


def _table(table: Table) -> str:
    (caption, *columns), rows = table
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in ("", *columns))
    body = "".join(f"<tr>{''.join(f'<td>{_breakable(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><caption>{html.escape(caption)}</caption><tr>{head}</tr>{body}</table></div>'


def _breakable(cell: str) -> str:
    """On a narrow screen a value may break before its error, not after the sign."""
    return html.escape(cell).replace("± ", "±&nbsp;")
