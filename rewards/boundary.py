"""BoundaryIoU: overlap of the two outlines' bands, which a large object cannot win by its inside.

    reward = Boundary IoU (Cheng et al. 2021)           [0, 1]

IoU of a large mask hardly moves with its outline; this term does (polygon/boundary.py). Both masks empty: 1, rightly no
target. One of them empty: 0.
"""

from polygon import Target, UserError
from polygon.boundary import BAND, boundary_iou
from rewards.response import Response
from rewards.term import RewardTerm


class BoundaryIoU(RewardTerm):
    """Boundary IoU of masks (mask tasks). band: width of the outlines, a share of the image's diagonal in (0, 1)."""

    applies_to = ("mask",)

    def __init__(self, *, band: float = BAND):
        if not 0 < band < 1:
            raise UserError(f"BoundaryIoU: band={band} is not in (0, 1); the default is {BAND}")
        self.band = band

    def score(self, response: Response, target: Target) -> float:
        overlap = boundary_iou(response.mask, target.mask, self.band)
        return 1.0 if overlap is None else overlap
