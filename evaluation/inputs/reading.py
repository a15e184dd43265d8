"""`Reading`: what was found in the text of another model, in its own unit, x before y, before anything is scaled."""

from dataclasses import dataclass, field

Pair = tuple[float, float]
Quad = tuple[float, float, float, float]


@dataclass(frozen=True)
class MaskImage:
    """A mask as Gemini writes it: a PNG in base64 that covers `box` (x0, y0, x1, y1) in the answer's own unit."""

    box: Quad
    base64: str


@dataclass
class Reading:
    """Regions by kind, in the order of the text.

    empty: it says that there is no target.
    pieces: brackets and numbers that are no whole JSON, cut short for example; the parser reads them as it reads ours.
    unread: reason -> what was recognised and could not be read.
    """

    rings: list[list[Pair]] = field(default_factory=list)
    boxes: list[Quad] = field(default_factory=list)
    points: list[Pair] = field(default_factory=list)
    masks: list[MaskImage] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    empty: bool = False

    def add(self, other: "Reading") -> None:
        """Add the regions of another."""
        for name in ("rings", "boxes", "points", "masks"):
            getattr(self, name).extend(getattr(other, name))

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.rings or self.boxes or self.points or self.masks or self.pieces)

    def text(self) -> str:
        """In the brackets of our grammar: masks first, all rings in one."""
        rings = ("[" + ", ".join(map(_brackets, ring)) + "]" for ring in self.rings)
        parts = ["[" + ", ".join(rings) + "]"] if self.rings else []
        parts += [_brackets(values) for values in (*self.boxes, *self.points)]
        parts += self.pieces
        if parts:
            return " | ".join(parts)
        # "[?]" is a number that cannot be read, words are no answer: the parser names these causes apart.
        return "[]" if self.empty else "[?]" if "numbers" in self.unread else "no region"


def _brackets(values: Pair | Quad) -> str:
    return "[" + ", ".join(f"{value!r}" for value in values) + "]"
