"""One pass over the text of an answer, in linear time.

One regular expression without nested repetition (its quantifiers are possessive: it never backtracks) cuts the text at
its vertices and boxes; what stands between them is read a character at a time, with the bracket depth as the only
stack. Beside it runs the automaton of the strict grammar.
"""

import re

import numpy as np

from polygon.region import Box, Kind, Mask, Point, Region

_NUMBER = r"([+-]?+(?:[0-9]{1,32}+(?:\.[0-9]{0,32}+)?+|\.[0-9]{1,32}+)(?:[eE][+-]?+[0-9]{1,4}+)?+)"
_ITEM = rf"[ \t\r\n]*+{_NUMBER}[ \t\r\n]*+"
VALUE = re.compile(rf"\[{_ITEM},{_ITEM}(?:,{_ITEM},{_ITEM})?+\]")
_CUT_VALUE = re.compile(r"\[[-+.0-9eE, \t\r\n]*+\Z")
STRIDE = 5
"""VALUE.split gives text, then this many pieces a value: its numbers (None for those it lacks), and text again."""
_PLAIN = re.compile(r"0(?:\.[0-9]++)?+|1(?:\.0++)?+")
_PLAIN_INTEGER = re.compile(r"0|[1-9][0-9]*+")

_STRICT = {
    ("start", "vertex"): "end",
    ("start", "box"): "end",
    ("start", "["): "list",
    ("list", "]"): "end",
    ("list", "["): "ring",
    ("ring", "vertex"): "after vertex",
    ("after vertex", ","): "ring",
    ("after vertex", "]"): "after ring",
    ("after ring", ","): "next ring",
    ("next ring", "["): "ring",
    ("after ring", "]"): "end",
}
"""The strict grammar as an automaton over tokens, whitespace dropped; a missing entry is a violation."""

_NO_TARGET = Mask()


class Scan:
    """The regions found in a text by kind, in order; `strict_state` is "end" if the text is one strict answer."""

    def __init__(self, pieces: list[str], steps: int | None = None) -> None:
        """pieces: what VALUE.split makes of a text; steps: of whole numbers, how many make a side."""
        self._plain, self._side = (_PLAIN_INTEGER, steps) if steps else (_PLAIN, 1)
        self.regions: dict[Kind, list[Region]] = {"mask": [], "box": [], "point": []}
        self.truncated = False
        self.strict_state = "start"
        self._short_ring = self._bad_number = False
        self._depth = 0
        self._passing_over = False
        self._previous = ""
        self._rings: list[list[tuple[float, ...]]] = [[]]

        pieces[-1] = _CUT_VALUE.sub("[", pieces[-1])
        self._read_brackets(pieces[0])
        for at in range(1, len(pieces), STRIDE):
            self._read_value([number for number in pieces[at : at + 4] if number is not None])
            self._read_brackets(pieces[at + 4])
        if self._depth:
            self.truncated = True
            self._end_answer(closed=False)

    def failure(self) -> str:
        """Why a text that is not blank has no region of the kind asked for."""
        if any(self.regions.values()):
            return "wrong_kind"
        if self._short_ring:
            return "too_few_vertices"
        return "bad_number" if self._bad_number else "no_answer"

    def _advance(self, token: str) -> None:
        self.strict_state = _STRICT.get((self.strict_state, token), "violated")
        self._previous = token

    def _read_value(self, numbers: list[str]) -> None:
        """A vertex or a point (two numbers), or a box (four)."""
        self._advance("box" if len(numbers) == 4 else "vertex")
        values = tuple(float(number) / self._side for number in numbers)
        if not all(map(self._plain.fullmatch, numbers)) or (self._side > 1 and max(values) >= 1):
            self.strict_state = "violated"
        values = tuple(min(max(0.0, value), 1.0) for value in values)
        if self._passing_over:
            return
        if len(values) == 4:
            self._add_box(*values)
        elif self._depth:
            self._rings[-1].append(values)
        else:
            self.regions["point"].append(Point(*values))

    def _add_box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        if x0 > x1 or y0 > y1:
            self.strict_state = "violated"
        self.regions["box"].append(Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))

    def _read_brackets(self, text: str) -> None:
        """What stands between values: brackets and commas, or anything else, where an answer breaks off."""
        for character in text:
            if character in " \t\r\n":
                continue
            empty_list = self._depth == 1 and self._previous == "[" and character == "]"
            self._advance(character)
            if character == "[":
                self._depth += 1
                self._end_ring()
            elif self._depth == 0 or character == ",":
                continue
            elif empty_list:
                self._depth = 0
                self.regions["mask"].append(_NO_TARGET)
            elif character == "]":
                self._close_bracket()
            else:
                self._break_off()

    def _close_bracket(self) -> None:
        self._depth -= 1
        self._end_ring()
        if self._depth == 0:
            self._end_answer(closed=not self._passing_over)
            self._passing_over = False

    def _break_off(self) -> None:
        """Something that is no part of an answer: after a single bracket that was prose, else the answer ends here."""
        self._bad_number = True
        self._end_answer(closed=False)
        self._passing_over = self._depth > 1
        if self._depth == 1:
            self._depth = 0

    def _end_ring(self) -> None:
        if self._rings[-1]:
            self._rings.append([])

    def _end_answer(self, closed: bool) -> None:
        """Turn the rings read so far into a region; one lone vertex is a point, but not where the answer broke off."""
        rings = [ring for ring in self._rings if ring]
        polygons = tuple(np.array(ring) for ring in rings if len(ring) >= 3)
        if len(polygons) < len(rings):
            self.strict_state = "violated"
        if polygons:
            self.regions["mask"].append(Mask(polygons))
        elif closed and [len(ring) for ring in rings] == [1]:
            self.regions["point"].append(Point(*rings[0][0]))
        elif rings:
            self._short_ring = True
        self._rings = [[]]
