"""The contract of a well-formed answer, by which `format` is graded and tricks are refused.

An answer is well-formed if

1. it is exactly what the codec writes for the region that is read in it, white space aside: its decimals and no others,
   closed brackets, one answer, nothing before or behind it;
2. no vertex is repeated right after itself;
3. no outer ring covers what outer rings before it cover, by more than OVERLAP of the smaller of the two;
4. every hole lies inside an outer ring, but for OUTSIDE of its area;
5. it has at most FREE_VERTICES vertices, or twice as many as the target needs;
6. it has at most as many rings as the target needs;
7. it paints something, unless it is `[]`.

An answer is void, and earns nothing on any term, if it breaks 3 or 7 or has more than SPARE_RINGS rings above 6: a ring
copied with small shifts otherwise widens a mediocre outline to a better one, rings that cancel each other say "no
target" without risk, and a mosaic of squares needs no outline at all.  Breaking another rule costs `format` alone.
What the right answer does itself, as this codec writes it, is allowed: with few decimals two parts can fall on each
other.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from polygon import Codec, Mask, Target
from polygon.contour import signed_area
from polygon.grid import to_pixels
from polygon.raster import MAX_PAINTED

OVERLAP = 0.2
OUTSIDE = 0.1
FREE_VERTICES = 32
SPARE_RINGS = 4

VOID = ("overlap", "mosaic", "paints_nothing")
"""The rules whose breach leaves no reward."""


@dataclass(frozen=True)
class RingFacts:
    """What the rules ask of a mask's rings, each 0 for an ordinary one.

    overlap: the largest share of an outer ring, or of all outer rings before it, that the two have in common.
    outside: the largest share of a hole's area that lies on nothing.
    repeats: vertices that follow an equal one, around each ring.
    """

    overlap: float = 0.0
    outside: float = 0.0
    repeats: int = 0
    vertices: int = 0
    rings: int = 0


def ring_facts(mask: Mask, height: int, width: int) -> RingFacts:
    """Paint the rings as the codec does (polygon/raster.py) and look at each before it is painted."""
    repeats = sum(int((ring_N2 == np.roll(ring_N2, 1, axis=0)).all(1).sum()) for ring_N2 in mask.polygons)
    overlap = outside = 0.0
    if len(mask.polygons) > 1:
        canvas_HW = np.zeros((height, width), np.uint8)
        claimed_HW = canvas_HW.copy()  # by outer rings, cut out again or not
        claimed_px = looked_at = 0
        for ring_N2 in mask.polygons:
            pixels_N2 = to_pixels(ring_N2, height, width)
            x, y, box_width, box_height = cv2.boundingRect(pixels_N2)
            window = np.s_[y : y + box_height, x : x + box_width]
            ring_HW = np.zeros((box_height, box_width), np.uint8)
            cv2.fillPoly(ring_HW, [pixels_N2 - (x, y)], 1)
            area = np.count_nonzero(ring_HW)
            on_something = np.count_nonzero(ring_HW & canvas_HW[window])
            if signed_area(ring_N2) < 0 and 2 * on_something >= area:
                outside = max(outside, 1 - on_something / area)
                cv2.polylines(ring_HW, [pixels_N2 - (x, y)], True, 0)
                canvas_HW[window] &= ~ring_HW
            else:
                common = np.count_nonzero(ring_HW & claimed_HW[window])
                overlap = max(overlap, common / min(area, claimed_px)) if claimed_px else overlap
                claimed_px += area - common
                canvas_HW[window] |= ring_HW
                claimed_HW[window] |= ring_HW
            looked_at += box_width * box_height
            if looked_at >= MAX_PAINTED:
                break
    return RingFacts(overlap, outside, repeats, mask.n_vertices, len(mask.polygons))


def breaches(text: str, region: object, target: Target, codec: Codec, *, paints: bool = True) -> tuple[str, ...]:
    """The rules that an answer breaks, by name; none for a well-formed one.

    Args:
        region: what was read in `text`, not None.
        paints: whether a mask covers a pixel.
    """
    found = [] if _squeezed(text) == _squeezed(codec.format(region)) else ["not_canonical"]  # type: ignore[arg-type]
    if not isinstance(region, Mask) or not region.polygons:
        return tuple(found)
    if not paints:
        found.append("paints_nothing")
    facts = ring_facts(region, target.height, target.width)
    suspects = {
        "overlap": facts.overlap > OVERLAP,
        "hole_outside": facts.outside > OUTSIDE,
        "repeated_vertices": facts.repeats > 0,
        "too_many_vertices": facts.vertices > FREE_VERTICES,
        "too_many_rings": facts.rings > 1,
        "mosaic": facts.rings > 1 + SPARE_RINGS,
    }
    if any(suspects.values()):
        needed = ring_facts(codec.encode(target.mask), target.height, target.width)
        allowed = {
            "overlap": facts.overlap <= needed.overlap,
            "hole_outside": facts.outside <= needed.outside,
            "repeated_vertices": facts.repeats <= needed.repeats,
            "too_many_vertices": facts.vertices <= 2 * needed.vertices,
            "too_many_rings": facts.rings <= needed.rings,
            "mosaic": facts.rings <= needed.rings + SPARE_RINGS,
        }
        found += [name for name, suspected in suspects.items() if suspected and not allowed[name]]
    return tuple(found)


def _squeezed(text: str) -> str:
    return "".join(text.split())
