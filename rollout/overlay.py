"""An answer drawn over its photo: as SVG, whose vertices keep their order, and as pixels, filled as it is scored.

The start of every ring is marked, and vertices are dots, since order and start are what a model has to get right.
"""

import html
import re

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon import Box, Codec, Mask, Point, Region
from rollout.prompt import data_uri

COLOUR = (255, 64, 64)  # RGB
START = (255, 255, 255)
FILL = 0.35  # opacity
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def overlay_pixels(image_HW3: NDArray[np.uint8], region: Region | None, codec: Codec) -> NDArray[np.uint8]:
    """A copy of an RGB image with the region drawn on it; None (an unreadable answer) draws nothing."""
    canvas_HW3 = image_HW3.copy()
    height, width = canvas_HW3.shape[:2]
    thick = _thickness(height, width)
    match region:
        case Mask(polygons):
            filled_HW = codec.rasterise(region, height, width)
            canvas_HW3[filled_HW] = (canvas_HW3[filled_HW] * (1 - FILL) + np.array(COLOUR) * FILL).astype(np.uint8)
            for ring_N2 in polygons:
                pixels_N2 = _pixels(ring_N2, height, width)
                cv2.polylines(canvas_HW3, [pixels_N2], True, COLOUR, thick, cv2.LINE_AA)
                for vertex in pixels_N2:
                    cv2.circle(canvas_HW3, vertex.tolist(), thick, COLOUR, -1, cv2.LINE_AA)
                cv2.circle(canvas_HW3, pixels_N2[0].tolist(), 2 * thick, START, -1, cv2.LINE_AA)
        case Box(x0, y0, x1, y1):
            corners = _pixels(np.array([[x0, y0], [x1, y1]]), height, width)
            cv2.rectangle(canvas_HW3, corners[0].tolist(), corners[1].tolist(), COLOUR, thick)
        case Point(x, y):
            (centre,) = _pixels(np.array([[x, y]]), height, width).tolist()
            cv2.circle(canvas_HW3, centre, 4 * thick, START, -1, cv2.LINE_AA)
            cv2.circle(canvas_HW3, centre, 3 * thick, COLOUR, -1, cv2.LINE_AA)
    return canvas_HW3


def overlay_svg(region: Region | None, height: int, width: int, image: bytes | None, title: str, codec: Codec) -> str:
    """A standalone SVG document of `width` x `height` px; `image` are PNG or JPEG bytes to put inside, or None.

    `title` may be anything, a model's words included. Rings against the clock are holes, as the codec fills them; where
    it decodes as the reference release does, every ring is filled.
    """
    size = f'width="{width}" height="{height}"'
    photo = "" if image is None else f'<image {size} href="{data_uri(image)}"/>'
    name = html.escape(_NOT_XML.sub("\ufffd", title))
    style = f'fill="rgb{COLOUR}" fill-opacity="{FILL}" stroke="rgb{COLOUR}" stroke-linejoin="round"'
    thick = _thickness(height, width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size}><title>{name}</title>{photo}'
        f'<g {style} stroke-width="{thick}">{_shape(region, height, width, 1.5 * thick, codec)}</g></svg>\n'
    )


def _shape(region: Region | None, height: int, width: int, radius: float, codec: Codec) -> str:
    match region:
        case Mask(polygons) if polygons:
            rings = [(ring_N2 * (width, height)).tolist() for ring_N2 in polygons]
            outlines = ["M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in ring) + "Z" for ring in rings]
            if codec.decode == "matched":
                outlines = ["".join(outlines)]
            paths = "".join(f'<path d="{outline}"/>' for outline in outlines)
            dots = "".join(_dots(ring, radius) for ring in rings)
            return f'{paths}<g fill-opacity="1" stroke="none">{dots}</g>'
        case Box(x0, y0, x1, y1):
            size = f'width="{(x1 - x0) * width:.2f}" height="{(y1 - y0) * height:.2f}"'
            return f'<rect x="{x0 * width:.2f}" y="{y0 * height:.2f}" {size}/>'
        case Point(x, y):
            return f'<circle cx="{x * width:.2f}" cy="{y * height:.2f}" r="{3 * radius}" fill-opacity="1"/>'
    return ""


def _dots(ring: list[list[float]], radius: float) -> str:
    """One a vertex, in order; the first is larger and white."""
    (x, y), *others = ring
    start = f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{2 * radius}" fill="rgb{START}"/>'
    return start + "".join(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{radius}"/>' for x, y in others)


def _pixels(points_N2: NDArray, height: int, width: int) -> NDArray[np.int32]:
    """The pixels that normalised points lie in."""
    return np.minimum(points_N2 * (width, height), (width - 1, height - 1)).astype(np.int32)


def _thickness(height: int, width: int) -> int:
    return max(1, round(max(height, width) / 400))
