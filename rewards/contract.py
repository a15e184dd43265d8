"""The contract of a well-formed answer, by which `format` is graded and tricks are refused.

An answer is well-formed if

1. it is exactly what the codec writes for the region that is read in it, white space aside: its decimals and no others,
   closed brackets, one answer, nothing before or behind it;
2. no vertex is repeated right after itself;
3. no outer ring covers what is painted already, by more than OVERLAP of the smaller of the two;
4. every hole lies inside an outer ring, but for OUTSIDE of its area;
5. it has at most FREE_VERTICES vertices, or twice as many as the target needs;
6. it has at most as many rings as the target needs;
7. it paints something, unless it is `[]`.

An answer that breaks 3 or 7 is void and earns nothing on any term: a ring copied with small shifts otherwise widens a
mediocre outline to a better one, and rings that cancel each other say "no target" without risk.  Rings above 6 earn
nothing either: each term is the lesser of what it is with and without them (rewards/term.py), so that neither specks
nor a mosaic of squares can make up for an outline.  Breaking another rule costs `format` alone.
What the right answer does itself, as this codec writes it, is allowed: with few decimals two parts can fall on each
other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from polygon import Codec, Mask, Region
from polygon.contour import signed_area
from polygon.grid import to_pixels
from polygon.raster import MAX_PAINTED

OVERLAP = 0.2
OUTSIDE = 0.1
FREE_VERTICES = 32

VOID = ("overlap", "paints_nothing")
"""The rules whose breach leaves no reward."""


@dataclass(frozen=True)
class RingFacts:
    """What the rules ask of a mask's rings, each 0 for an ordinary one.

    overlap: the largest share of an outer ring, or of what is painted before it, that the two have in common.
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
        canvas_HW, painted_px, looked_at = np.zeros((height, width), np.uint8), 0, 0
        for ring_N2 in mask.polygons:
            pixels_N2 = to_pixels(ring_N2, height, width)
            x, y, box_width, box_height = cv2.boundingRect(pixels_N2)
            window_HW = canvas_HW[y : y + box_height, x : x + box_width]
            ring_HW = np.zeros((box_height, box_width), np.uint8)
            cv2.fillPoly(ring_HW, [pixels_N2 - (x, y)], 1)
            area, common = np.count_nonzero(ring_HW), np.count_nonzero(ring_HW & window_HW)
            if signed_area(ring_N2) < 0 and 2 * common >= area:
                outside = max(outside, 1 - common / area)
                cv2.polylines(ring_HW, [pixels_N2 - (x, y)], True, 0)
                painted_px -= np.count_nonzero(ring_HW & window_HW)
                window_HW &= ~ring_HW
            else:
                overlap = max(overlap, common / min(area, painted_px)) if painted_px else overlap
                painted_px += area - common
                window_HW |= ring_HW
            looked_at += box_width * box_height
            if looked_at >= MAX_PAINTED:
                break
    return RingFacts(overlap, outside, repeats, mask.n_vertices, len(mask.polygons))


def breaches(
    text: str, region: Region, painted_HW: NDArray[np.bool_] | None, needed: Callable[[], Mask], codec: Codec
) -> tuple[str, ...]:
    """The rules that an answer breaks, by name; none for a well-formed one.

    Args:
        region: what was read in `text`.
        painted_HW: what it paints, None unless it is a mask.
        needed: gives what the codec writes for the target; asked where an answer is suspect.
    """
    found = [] if _squeezed(text) == _squeezed(codec.format(region)) else ["not_canonical"]
    if not isinstance(region, Mask) or not region.polygons or painted_HW is None:
        return tuple(found)
    if not painted_HW.any():
        found.append("paints_nothing")
    facts = ring_facts(region, *painted_HW.shape)
    suspects = {
        "overlap": facts.overlap > OVERLAP,
        "hole_outside": facts.outside > OUTSIDE,
        "repeated_vertices": facts.repeats > 0,
        "too_many_vertices": facts.vertices > FREE_VERTICES,
        "too_many_rings": facts.rings > 1,
    }
    if any(suspects.values()):
        right = ring_facts(needed(), *painted_HW.shape)
        allowed = {
            "overlap": facts.overlap <= right.overlap,
            "hole_outside": facts.outside <= right.outside,
            "repeated_vertices": facts.repeats <= right.repeats,
            "too_many_vertices": facts.vertices <= 2 * right.vertices,
            "too_many_rings": facts.rings <= right.rings,
        }
        found += [name for name, suspected in suspects.items() if suspected and not allowed[name]]
    return tuple(found)


def _squeezed(text: str) -> str:
    return "".join(text.split())
