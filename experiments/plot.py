"""Curves of an experiment as one SVG: a line for each arm, the mean of its seeds, over a band of their range."""

import html
import statistics
from collections import defaultdict
from collections.abc import Sequence

from experiments.runs import Run

COLOURS = ("#3b6ea5", "#b0413e", "#3a8f5c", "#8a5ca8", "#c98a1b", "#4a9aa5", "#777777")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, LINE = 720, 340, 50, 12, 14, 40, 18
SMOOTHED = 5
"""Steps of which a point is the mean: every step has other questions."""


def svg(runs: Sequence[Run], metric: str, label: str) -> str:
    """`metric` by step; runs without it are left out."""
    arms: dict[str, list[dict[int, float]]] = defaultdict(list)
    for run in runs:
        if curve := run.curves.get(metric):
            arms[run.arm].append(smoothed(curve))
    steps = [step for curves in arms.values() for curve in curves for step in curve]
    values = [value for curves in arms.values() for curve in curves for value in curve.values()]
    if not steps:
        raise ValueError(f"no run has {metric}")
    (x0, x1), (y0, y1) = (min(steps), max(steps)), (min(values), max(values))

    def place(step: int, value: float) -> str:
        x = LEFT + (step - x0) / max(x1 - x0, 1) * (WIDTH - LEFT - RIGHT)
        y = TOP + (y1 - value) / ((y1 - y0) or 1) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    parts = [_axes(x0, x1, y0, y1, label)]
    for index, (arm, curves) in enumerate(arms.items()):
        colour = COLOURS[index % len(COLOURS)]
        common = sorted(set.intersection(*map(set, curves)))
        top = [place(step, max(curve[step] for curve in curves)) for step in common]
        low = [place(step, min(curve[step] for curve in curves)) for step in reversed(common)]
        mean = [place(step, statistics.fmean(curve[step] for curve in curves)) for step in common]
        y = HEIGHT + LINE * (index + 1) - 6
        parts.append(
            f'<polygon points="{" ".join(top + low)}" fill="{colour}" fill-opacity="0.14"/>'
            f'<polyline points="{" ".join(mean)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
            f'<rect x="{LEFT}" y="{y - 9}" width="16" height="4" fill="{colour}"/>'
            f'<text x="{LEFT + 24}" y="{y}">{html.escape(arm)} ({len(curves)} seeds)</text>'
        )
    height = HEIGHT + LINE * len(arms) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#333"><rect width="{WIDTH}" height="{height}" fill="white"/>{"".join(parts)}</svg>\n'
    )


def smoothed(curve: dict[int, float]) -> dict[int, float]:
    """Means of so many steps up to each."""
    steps = sorted(curve)
    values = [curve[step] for step in steps]
    return {
        step: statistics.fmean(values[max(0, place - SMOOTHED + 1) : place + 1]) for place, step in enumerate(steps)
    }


def _axes(x0: int, x1: int, y0: float, y1: float, label: str) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    return (
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#999"/>'
        f'<text x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{y1:.3f}</text>'
        f'<text x="{LEFT - 5}" y="{bottom}" text-anchor="end">{y0:.3f}</text>'
        f'<text x="{LEFT}" y="{bottom + 16}">{x0}</text>'
        f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{x1}</text>'
        f'<text x="{(LEFT + right) / 2}" y="{bottom + 16}" text-anchor="middle">'
        f"step; {html.escape(label)}, mean of the last {SMOOTHED} steps</text>"
    )
