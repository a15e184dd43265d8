"""An example of the gallery as HTML: the image once as a data URI, an SVG panel per outline, the score under each.

Everything that comes from a model or a dataset is escaped here, and coordinates are written as numbers, never as text.
"""

import base64
import html

from evaluation.gallery import Example
from polygon import Box, Mask, Point, Region

MAX_TEXT = 600
"""Characters of an answer that the page shows: enough for 40 vertices, and a runaway answer stays readable."""


def example_html(example: Example, index: int) -> str:
    """`<article>` with three panels; `index` makes the image's id unique in the page."""
    size = f'width="{example.width}" height="{example.height}"'
    image = f'<image id="image-{index}" {size} href="{_data_uri(example.image)}"/>'
    reuse = f'<use href="#image-{index}"/>'
    panels = [_panel(example, image, "truth", example.truth, "ground truth", "")]
    for answer in example.answers:
        cut = f" … ({len(answer.text)} characters)" if len(answer.text) > MAX_TEXT else ""
        shown = html.escape(answer.text[:MAX_TEXT] + cut)
        details = f"<details><summary>text</summary><code>{shown}</code></details>"
        panels.append(_panel(example, reuse, "answer", answer.region, f"{answer.label}: {answer.score}", details))
    heading = f"<h3>{html.escape(example.question)} <small>{html.escape(example.sample_id)}</small></h3>"
    return f'<article>{heading}<div class="panels">{"".join(panels)}</div></article>'


def _panel(example: Example, image: str, css: str, region: Region | None, caption: str, details: str) -> str:
    shape = "" if region is None else _shape(region, example.width, example.height)
    label = html.escape(caption)
    return (
        f'<figure><svg viewBox="0 0 {example.width} {example.height}" role="img" aria-label="{label}">'
        f'{image}<g class="{css}">{shape}</g></svg><figcaption>{label}</figcaption>{details}</figure>'
    )


def _shape(region: Region, width: int, height: int) -> str:
    match region:
        case Box(x0, y0, x1, y1):
            corners = f'x="{x0 * width:.2f}" y="{y0 * height:.2f}"'
            return f'<rect {corners} width="{(x1 - x0) * width:.2f}" height="{(y1 - y0) * height:.2f}"/>'
        case Point(x, y):
            return f'<circle cx="{x * width:.2f}" cy="{y * height:.2f}" r="{max(width, height) / 60:.2f}"/>'
        case Mask(polygons):
            rings = ("M" + "L".join(f"{x * width:.2f} {y * height:.2f}" for x, y in ring) + "Z" for ring in polygons)
            return f'<path d="{"".join(rings)}"/>'


def _data_uri(image: bytes) -> str:
    media_type = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
    return f"data:{media_type};base64,{base64.b64encode(image).decode('ascii')}"
