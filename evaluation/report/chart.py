"""The curves of training as inline SVG: a chart for each metric, one line per run, axes with their extremes, no script.

Colours come from CSS classes (`run-0` ...) of the page, so the charts follow light and dark.
"""

import html
from collections import defaultdict
from collections.abc import Mapping

from evaluation.report.curves import Curve

WIDTH, HEIGHT = 320, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 22
N_COLOURS = 6

UNGROUPED = "answers"
"""A curve's group is its name up to the first slash. verl's names have one; ours without describe the answers."""
OPEN_GROUPS = ("reward", UNGROUPED)
"""Groups that start with one of these are shown without a click."""


def curves_html(curves: Mapping[str, Mapping[str, Curve]]) -> str:
    """A chart for every metric of any run, in groups to unfold; `curves` maps a run's label to its curves by name."""
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


def line_chart(name: str, curves: Mapping[str, Curve]) -> str:
    """`<figure>` titled `name` with one polyline per run; `curves` maps a run's label to its curve."""
    x0, x1 = _extent([step for curve in curves.values() for step in curve.steps])
    y0, y1 = _extent([value for curve in curves.values() for value in curve.values])
    lines = [_line(index, curve, (x0, x1), (y0, y1)) for index, curve in enumerate(curves.values())]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    title = html.escape(name)
    return (
        f'<figure class="chart"><figcaption>{title}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}: {_number(y0)} to {_number(y1)}">'
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
        f'<text x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{_number(y1)}</text>'
        f'<text x="{LEFT - 5}" y="{bottom}" text-anchor="end">{_number(y0)}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">{_number(x0)}</text>'
        f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end">step {_number(x1)}</text>'
        f"{''.join(lines)}</svg></figure>"
    )


def _line(index: int, curve: Curve, x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    points = [
        (_scale(step, x_range, LEFT, WIDTH - RIGHT), _scale(value, y_range, HEIGHT - BOTTOM, TOP))
        for step, value in zip(curve.steps, curve.values, strict=True)
    ]
    css = f"run-{index % N_COLOURS}"
    path = f'<polyline class="line {css}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
    last_x, last_y = points[-1]
    return f'{path}<circle class="end {css}" cx="{last_x:.1f}" cy="{last_y:.1f}" r="2.5"/>'


def _extent(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    margin = abs(low) / 2 or 0.5  # a flat curve runs through the middle of a range around it
    return low - margin, high + margin


def _scale(value: float, extent: tuple[float, float], start: float, end: float) -> float:
    low, high = extent
    return start + (value - low) / (high - low) * (end - start)


def _number(value: float) -> str:
    return str(int(value)) if abs(value) < 1e6 and value == int(value) else f"{value:.3g}"
