"""The plot of README.md: IoU by vertices and by tokens, a line for each codec and way to write numbers, as one SVG."""

import math

COLOURS = {"reference": "#b0413e", "Douglas-Peucker": "#3b6ea5", "fit": "#3a8f5c"}
DASHES = {"3 decimals": "none", "2 decimals": "6 4", "0-999": "1.5 4"}
AXES = {"mean_vertices": "vertices a mask", "mean_tokens": "Qwen2.5-VL tokens a mask"}
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 400, 300, 46, 16, 40
IOU_TICKS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
X_TICKS = (7, 10, 15, 20, 30, 50, 100, 150, 200, 300, 500)


def svg(rows: list[dict]) -> str:
    """Both panels and the legend; the panel of tokens stays away where none were counted."""
    axes = [axis for axis in AXES if all(row[axis] is not None for row in rows)]
    panels = "".join(_panel(rows, axis, index * WIDTH) for index, axis in enumerate(axes))
    keys = [(name, colour, "none") for name, colour in COLOURS.items()]
    keys += [(numbers, "#555", dash) for numbers, dash in DASHES.items()]
    legend = "".join(_key(*key, 142 * index + LEFT) for index, key in enumerate(keys))
    width, height = max(WIDTH * len(axes), 880), HEIGHT + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#333" stroke-width="1.8"><rect width="{width}" height="{height}" fill="white"/>'
        f"{panels}{legend}</svg>\n"
    )


def _panel(rows: list[dict], axis: str, x_offset: int) -> str:
    values = [row[axis] for row in rows]
    low, high = math.log(min(values) / 1.1), math.log(max(values) * 1.1)

    def x(value: float) -> float:
        return x_offset + LEFT + (math.log(value) - low) / (high - low) * (WIDTH - LEFT - 10)

    def y(iou: float) -> float:
        return TOP + (1 - iou) / (1 - IOU_TICKS[0]) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for iou in IOU_TICKS:
        line = f'x1="{x_offset + LEFT}" x2="{x_offset + WIDTH - 10}" y1="{y(iou):.1f}" y2="{y(iou):.1f}"'
        parts.append(f'<line {line} stroke="#ddd" stroke-width="1"/>')
        parts.append(f'<text x="{x_offset + LEFT - 6}" y="{y(iou) + 4:.1f}" text-anchor="end">{iou:.2f}</text>')
    parts += [
        f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick}</text>'
        for tick in X_TICKS
        if low < math.log(tick) < high
    ]
    centre = x_offset + (LEFT + WIDTH) / 2
    parts.append(f'<text x="{centre}" y="{HEIGHT - BOTTOM + 34}" text-anchor="middle">{AXES[axis]}; mean IoU</text>')
    for name, colour in COLOURS.items():
        for numbers, dash in DASHES.items():
            line = sorted(
                (row[axis], row["mean_iou"]) for row in rows if (row["name"], row["numbers"]) == (name, numbers)
            )
            points = [(x(value), y(iou)) for value, iou in line]
            path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-dasharray="{dash}"/>')
            parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.4" fill="{colour}"/>' for px, py in points]
    return "".join(parts)


def _key(name: str, colour: str, dash: str, x: int) -> str:
    line = f'x1="{x}" x2="{x + 24}" y1="{HEIGHT + 12}" y2="{HEIGHT + 12}"'
    return (
        f'<line {line} stroke="{colour}" stroke-dasharray="{dash}"/><text x="{x + 30}" y="{HEIGHT + 16}">{name}</text>'
    )
