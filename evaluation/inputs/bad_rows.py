"""`BadRows`: what could not be used of a file that somebody else wrote, counted by reason, the first few by name.

Why: one damaged row of ten thousand should neither end an evaluation nor vanish from it. What was left out is printed
in the header of every table and stored with the numbers.
"""

from collections import Counter

from polygon import UserError

SHOWN = 3
"""Rows of each reason that are named; the others are only counted."""


class BadRows:
    """Filled while a file is read; `counts` is by reason, `examples` holds the first rows of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, reason: str, detail: str) -> None:
        """`reason` is a short code, the same for all rows with this fault; `detail` names the row and the fault."""
        self.counts[reason] += 1
        named = self.examples.setdefault(reason, [])
        if len(named) < SHOWN:
            named.append(detail)

    def in_words(self, one: str = "row", verb: str = "left out") -> str:
        """`3 rows left out: 2 bad_mask (row 7: ...; row 9: ...), 1 unknown_image (row 8: ...)`; one line."""
        total = self.counts.total()
        parts = []
        for reason, count in self.counts.most_common():
            more = "; ..." if count > SHOWN else ""
            parts.append(f"{count} {reason} ({'; '.join(self.examples[reason])}{more})")
        return f"{total} {one}{'s' if total > 1 else ''} {verb}: {', '.join(parts)}" if total else f"no {one} {verb}"

    def refuse(self, what: str, way_out: str) -> UserError:
        """The error for a file of which nothing is left: `what` says so, and the first fault is given as the reason."""
        first = next((examples[0] for examples in self.examples.values()), None)
        return UserError(f"{what}{f' ({first})' if first else ''}; {way_out}")
