"""`BadRow`: why a record cannot become a sample, as a short code that can be counted and a sentence that can be read.

Why: `prepare` counts bad rows by reason and lists them; whoever finds a problem only says which one it is.
"""

REASONS: dict[str, str] = {
    "missing_image": "the image file is not there or cannot be opened",
    "undecodable_image": "the image is damaged, or no image",
    "size_mismatch": "the image has another size than its annotation says",
    "bad_annotation": "the annotation refers to what is not there, or is no polygon, run lengths or box",
    "duplicate_id": "an id occurs twice",
    "box_disagrees": "the annotated box is not the one around the mask",
    "area_disagrees": "the annotated area is not the mask's",
    "normalised": "the coordinates are fractions of the image, not pixels",
    "duplicate": "the same object is listed twice, under two ids",
    "too_small": "the object's box is smaller than dataset.source.min_area",
    "ambiguous": "no expression means the object alone",
    "crowd": "the target is a crowd region, which stands for no single object",
    "no_mask": "the target has a box only, and the task asks for more",
    "no_expression": "no expression means the target",
    "placeholder": "an expression holds <image> or a token of the chat template",
    "empty_mask": "the mask covers no pixel",
    "outside_image": "the target lies outside its image",
}


class BadRow(Exception):
    """A record that cannot be used: `reason` is a key of REASONS, `detail` one line that names the thing at fault."""

    def __init__(self, reason: str, detail: str):
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is no reason; known: {', '.join(REASONS)}")
        super().__init__(reason, detail)  # both, or the exception would not survive pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
