"""The pure core: answers as text and as regions, the codec between masks and polygons, targets, overlaps.

Needs numpy, OpenCV and pycocotools, nothing else of the project.
"""

from polygon.codec import Codec
from polygon.errors import UserError, check_keys, cli
from polygon.grammar import ebnf, format_region
from polygon.parser import FAILURES, MAX_CHARACTERS, MAX_VERTICES, Answer, parse
from polygon.region import KINDS, Box, Kind, Mask, Point, Polygon, Region
from polygon.rle import box_iou, mask_box, mask_iou, rle_decode, rle_encode, segmentation_mask
from polygon.run_lengths import pixels_covered
from polygon.target import Target

__all__ = [
    "FAILURES",
    "KINDS",
    "MAX_CHARACTERS",
    "MAX_VERTICES",
    "Answer",
    "Box",
    "Codec",
    "Kind",
    "Mask",
    "Point",
    "Polygon",
    "Region",
    "Target",
    "UserError",
    "box_iou",
    "check_keys",
    "cli",
    "ebnf",
    "format_region",
    "mask_box",
    "mask_iou",
    "parse",
    "pixels_covered",
    "rle_decode",
    "rle_encode",
    "segmentation_mask",
]
