"""Plots of an experiment as SVG.

`svg`: curves by step, a line for each arm, the mean of its seeds, over a band of their range; `scatter`: a dot for each
run, one number against another.
"""

import html
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

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
    place = _scale(steps, values)
    parts = [_axes(steps, values, f"step; {label}, mean of the last {SMOOTHED} steps", digits=0)]
    for index, (arm, curves) in enumerate(arms.items()):
        colour = COLOURS[index % len(COLOURS)]
        common = sorted(set.intersection(*map(set, curves)))
        top = [place(step, max(curve[step] for curve in curves)) for step in common]
        low = [place(step, min(curve[step] for curve in curves)) for step in reversed(common)]
        mean = [place(step, statistics.fmean(curve[step] for curve in curves)) for step in common]
        parts.append(
            f'<polygon points="{" ".join(top + low)}" fill="{colour}" fill-opacity="0.14"/>'
            f'<polyline points="{" ".join(mean)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        )
        parts.append(_key(index, f"{arm} ({len(curves)} seeds)"))
    return _picture(parts, len(arms))


def scatter(arms: Mapping[str, Sequence[tuple[float, float]]], x_label: str, y_label: str) -> str:
    """(x, y) of each arm's runs, the means of the arms joined from left to right."""
    points = [point for of_arm in arms.values() for point in of_arm]
    if not points:
        raise ValueError(f"no run has {y_label} and {x_label}")
    xs, ys = zip(*points, strict=True)
    place = _scale(xs, ys)
    means = sorted((*map(statistics.fmean, zip(*of_arm, strict=True)),) for of_arm in arms.values() if of_arm)
    joined = " ".join(place(x, y) for x, y in means)
    parts = [
        _axes(xs, ys, f"{x_label}; {y_label}", digits=1),
        f'<polyline points="{joined}" fill="none" stroke="#bbb" stroke-width="1.2"/>',
    ]
    for index, (arm, of_arm) in enumerate(arms.items()):
        for point in of_arm:
            x, y = place(*point).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{COLOURS[index % len(COLOURS)]}"/>')
        parts.append(_key(index, arm))
    return _picture(parts, len(arms))


def _scale(xs: Sequence[float], ys: Sequence[float]) -> Callable[[float, float], str]:
    """Where in the picture a point is, as SVG writes points."""
    (x0, x1), (y0, y1) = (min(xs), max(xs)), (min(ys), max(ys))

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x0) / ((x1 - x0) or 1) * (WIDTH - LEFT - RIGHT)
        down = TOP + (y1 - y) / ((y1 - y0) or 1) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    return place


def _key(index: int, text: str) -> str:
    y = HEIGHT + LINE * (index + 1) - 6
    return (
        f'<rect x="{LEFT}" y="{y - 9}" width="16" height="4" fill="{COLOURS[index % len(COLOURS)]}"/>'
        f'<text x="{LEFT + 24}" y="{y}">{html.escape(text)}</text>'
    )


def _picture(parts: Sequence[str], lines: int) -> str:
    height = HEIGHT + LINE * lines + 6
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


def _axes(xs: Sequence[float], ys: Sequence[float], label: str, digits: int) -> str:
    """With the ends of both, those of x to so many digits."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    return (
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#999"/>'
        f'<text x="{LEFT - 5}" y="{TOP + 8}" text-anchor="end">{max(ys):.3f}</text>'
        f'<text x="{LEFT - 5}" y="{bottom}" text-anchor="end">{min(ys):.3f}</text>'
        f'<text x="{LEFT}" y="{bottom + 16}">{min(xs):.{digits}f}</text>'
        f'<text x="{right}" y="{bottom + 16}" text-anchor="end">{max(xs):.{digits}f}</text>'
        f'<text x="{(LEFT + right) / 2}" y="{bottom + 16}" text-anchor="middle">{html.escape(label)}</text>'
    )
