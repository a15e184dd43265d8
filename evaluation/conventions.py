"""Where evaluation codes differ though their metrics share a name, as settings; every table shows the active ones.

    python -m evaluation.run predictions=val.jsonl conventions=lisa            # conf/conventions/*.yaml
    python -m evaluation.run predictions=val.jsonl conventions.acc_box=mask

                     simpleseg    lisa         text4seg     polyformer   grefcoco
    empty_union      1.0          1.0          1.0          0.0          1.0
    empty_below_px   0            0            0            0            0
    parse_failure    zero         empty        empty        empty        empty
    answers          all          first        first        all          all
    mean_over        expressions  expressions  expressions  expressions  expressions
    acc_box          annotated    annotated    mask         annotated    annotated
    acc_no_box       null         null         0.0          null         null
    mask_box         edges        edges        centres      edges        edges
    box_union_px     0.0          0.0          0.0          1e-06        0.0
    hit              at_least     at_least     above        at_least     at_least
    prec_over        all          all          all          all          targets
    side_px          null         null         null         512          null
    overlap          covered      dropped      dropped      dropped      covered

What a setting means: `Conventions`. Which lines of the published code a preset follows, and what of them it leaves out:
the comments of its YAML file. The defaults are those of `simpleseg`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from polygon import UserError, check_keys
from polygon.parser import Answers

ParseFailure = Literal["zero", "empty"]
Unit = Literal["expressions", "objects", "images"]
AccBox = Literal["annotated", "mask"]
MaskBox = Literal["edges", "centres"]
Hit = Literal["at_least", "above"]
PrecOver = Literal["all", "targets"]
Overlap = Literal["covered", "dropped"]


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What a number means where that is a choice.

    name: what the header calls them.
    empty_union: IoU where nothing is answered and nothing is there, 1.0 or 0.0.
    empty_below_px: a mask of fewer pixels counts as empty.
    parse_failure: an unreadable answer scores "zero" whatever the target, or is taken for an "empty" mask.
    answers: of several masks in one text "all" are joined, as the reference release does, or the "first" counts;
        of boxes and points the first does.
    mean_over: an object with three expressions counts three times ("expressions"), once ("objects"), or its whole image
        counts once ("images"): areas, like every other number, are then averaged within it first.
    acc_box: Acc@0.5 is against the "annotated" box or the ground-truth "mask"'s own.
    acc_no_box: Acc@0.5 where neither a box is answered nor one there, 1.0 or 0.0; None: as `empty_union`.
    box_union_px: px^2 added to the union of two boxes.
    mask_box: the box around a mask runs along the outer "edges" of its pixels or through their "centres".
    hit: IoU "at_least" the threshold, or "above" it.
    prec_over: Prec@t is a share of "all" samples, or of those that have a target ("targets").
    overlap: pixels that two outlines of one object cover are "covered", or "dropped" from it.
    side_px: masks are compared after both are brought to this many pixels a side; None: in the image's own.
    """

    name: str = "simpleseg"
    empty_union: float = 1.0
    empty_below_px: int = 0
    parse_failure: ParseFailure = "zero"
    answers: Answers = "all"
    mean_over: Unit = "expressions"
    acc_box: AccBox = "annotated"
    acc_no_box: float | None = None
    mask_box: MaskBox = "edges"
    box_union_px: float = 0.0
    hit: Hit = "at_least"
    prec_over: PrecOver = "all"
    side_px: int | None = None
    overlap: Overlap = "covered"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Conventions":
        """Build from configuration. Raises UserError for a key or value that is none of theirs."""
        check_keys("conventions", config, cls)
        return cls(**config)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise UserError(f"conventions.{name} is {getattr(self, name)!r}; it can be {' or '.join(choices)}")
        if self.empty_union not in (0, 1):
            raise UserError(f"conventions.empty_union is {self.empty_union!r}; it can be 1.0 or 0.0")
        if self.acc_no_box not in (None, 0, 1):
            raise UserError(f"conventions.acc_no_box is {self.acc_no_box!r}; it can be 1.0, 0.0 or null")
        if isinstance(self.box_union_px, bool) or not 0 <= self.box_union_px < 1:
            raise UserError(f"conventions.box_union_px is {self.box_union_px!r}; give a number from 0 to below 1")
        for name, least, optional in (("empty_below_px", 0, False), ("side_px", 1, True)):
            value = getattr(self, name)
            if not ((optional and value is None) or (type(value) is int and value >= least)):
                raise UserError(f"conventions.{name} is {value!r}; give a whole number from {least}")

    def counts(self, iou: float, threshold: float) -> float:
        """1.0 for a hit at `threshold`, else 0.0."""
        return float(iou >= threshold if self.hit == "at_least" else iou > threshold)

    def settings(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def in_words(self) -> dict[str, str]:
        """A line for each, for the header of a table."""
        specks = f"; fewer than {self.empty_below_px} px count as none" if self.empty_below_px else ""
        hit = {"at_least": "IoU >= t", "above": "IoU > t"}[self.hit]
        box = {"annotated": "the annotated box", "mask": "the box of the ground-truth mask"}[self.acc_box]
        over = {"all": "", "targets": ", Prec@t over samples that have a target"}[self.prec_over]
        no_box = "" if self.acc_no_box is None else f"; no box answered, none there: {self.acc_no_box:g}"
        around = {"edges": "", "centres": "; boxes of masks run through the centres of their pixels"}[self.mask_box]
        return {
            "conventions": self.name,
            "compared": f"at {self.side_px} x {self.side_px} px" if self.side_px else "at the image's own size",
            **({"overlapping outlines": _DROPPED} if self.overlap == "dropped" else {}),
            "empty union": f"nothing answered, nothing there: IoU {self.empty_union:.1f}{specks}",
            "empty answer []": f"IoU 0 where there is a target, {self.empty_union:.1f} where there is none",
            "parse failure": _FAILURE[self.parse_failure],
            "several answers": {"all": "joined into one mask", "first": "the first counts"}[self.answers],
            "mean over": _UNIT[self.mean_over],
            "Prec@t, Acc@0.5": f"a hit is {hit}{over}; Acc@0.5 against {box}{around}{no_box}",
        }


_CHOICES = {
    "parse_failure": get_args(ParseFailure),
    "answers": get_args(Answers),
    "mean_over": get_args(Unit),
    "acc_box": get_args(AccBox),
    "mask_box": get_args(MaskBox),
    "hit": get_args(Hit),
    "prec_over": get_args(PrecOver),
    "overlap": get_args(Overlap),
}
_DROPPED = "what two outlines of an object cover is left out of it"
_FAILURE = {
    "zero": "IoU 0 and no hit, target or not; an empty mask in cIoU",
    "empty": "an empty mask, as if [] had been answered",
}
_UNIT = {
    "expressions": "expressions: an object with three counts three times",
    "objects": "objects: the expressions of an object are averaged first, areas too",
    "images": "images: the expressions of an image are averaged first, areas too",
}
