"""The text of answers: what is written, what is read back from texts good and bad."""

import re

import numpy as np
import pytest

from polygon import FAILURES, KINDS, MAX_CHARACTERS, MAX_VERTICES, Box, Mask, Point, ebnf, format_region, parse

TRIANGLE = np.array([[0.1, 0.2], [0.3, 0.4], [0.0, 1.0]])
SQUARE = np.array([[0.5, 0.5], [0.6, 0.5], [0.6, 0.6], [0.5, 0.6]])
TRIANGLE_TEXT = "[[0.100, 0.200], [0.300, 0.400], [0.000, 1.000]]"
SQUARE_TEXT = "[[0.500, 0.500], [0.600, 0.500], [0.600, 0.600], [0.500, 0.600]]"
BOTH_TEXT = f"[{TRIANGLE_TEXT}, {SQUARE_TEXT}]"


def test_canonical_text_has_fixed_decimals():
    assert format_region(Mask((TRIANGLE, SQUARE))) == BOTH_TEXT
    assert format_region(Mask()) == "[]"
    assert format_region(Box(0, 0.25, 0.5, 1), precision=2) == "[0.00, 0.25, 0.50, 1.00]"
    assert format_region(Point(0.12345, 0.5), precision=4) == "[0.1235, 0.5000]"


@pytest.mark.parametrize(
    ("text", "kind", "region"),
    [
        (BOTH_TEXT, "mask", Mask((TRIANGLE, SQUARE))),
        (f"\n {BOTH_TEXT}\t\n", "mask", Mask((TRIANGLE, SQUARE))),
        ("[[[0.1,0.2],[0.3,0.4],[0,1]]]", "mask", Mask((TRIANGLE,))),
        ("[]", "mask", Mask()),
        ("[0.1, 0.2, 0.3, 0.4]", "box", Box(0.1, 0.2, 0.3, 0.4)),
        ("[0.1, 1.000]", "point", Point(0.1, 1.0)),
    ],
)
def test_strict_texts(text, kind, region):
    answer = parse(text, kind)
    assert answer.region == region
    assert (answer.strict, answer.failure, answer.n_answers, answer.truncated) == (True, None, 1, False)


@pytest.mark.parametrize(
    ("text", "kind", "region"),
    [
        (f"Sure! The outline is {BOTH_TEXT}.", "mask", Mask((TRIANGLE, SQUARE))),
        (f"```json\n{BOTH_TEXT}\n```", "mask", Mask((TRIANGLE, SQUARE))),
        (TRIANGLE_TEXT, "mask", Mask((TRIANGLE,))),
        (f"[[{BOTH_TEXT}]]", "mask", Mask((TRIANGLE, SQUARE))),
        (f"As asked [see above]: {BOTH_TEXT}", "mask", Mask((TRIANGLE, SQUARE))),
        (f"[{TRIANGLE_TEXT} {SQUARE_TEXT}]", "mask", Mask((TRIANGLE, SQUARE))),
        (f"[{TRIANGLE_TEXT}, [[0.1, 0.1], [0.2, 0.2]]]", "mask", Mask((TRIANGLE,))),
        ("[[[+.1, 2e-1], [0.30, 0.4], [-0.5, 1e308]]]", "mask", Mask((TRIANGLE,))),
        ("[[[0.1, 0.2], [0.3, 0.4], [0, 1], [0..4, 1], [0.9, 0.9]]]", "mask", Mask((TRIANGLE,))),
        ("No such object: []", "mask", Mask()),
        ("[[0.1, 0.2, 0.3, 0.4]]", "box", Box(0.1, 0.2, 0.3, 0.4)),
        ("[0.3, 0.4, 0.1, 7]", "box", Box(0.1, 0.4, 0.3, 1.0)),
        ("It is at [0.1, 0.2].", "point", Point(0.1, 0.2)),
        ("[[0.1, 0.2]]", "point", Point(0.1, 0.2)),
    ],
)
def test_lenient_texts(text, kind, region):
    answer = parse(text, kind)
    assert answer.region == region
    assert (answer.strict, answer.failure, answer.n_answers, answer.truncated) == (False, None, 1, False)


@pytest.mark.parametrize(
    ("text", "kind", "failure"),
    [
        ("", "mask", "empty"),
        (" \n", "box", "empty"),
        ("I cannot see it.", "mask", "no_answer"),
        ("]]]][[[[", "mask", "no_answer"),
        ("[0.1, 0.2]", "mask", "wrong_kind"),
        ("[0.1, 0.2]", "box", "wrong_kind"),
        ("[]", "box", "wrong_kind"),
        (BOTH_TEXT, "point", "wrong_kind"),
        ("[[[NaN, 0.1], [0.2, 0.3], [0.4, 0.5]]]", "mask", "bad_number"),
        ("[[[NaN, 0.1], [0.2, 0.3], [0.4, 0.5]]]", "point", "bad_number"),
        ("[inf, 0.1]", "point", "bad_number"),
        ("[٠.١, ٠.٢]", "point", "bad_number"),
        ("[[[0.1, 0.2], [0.3, 0.4]]]", "mask", "too_few_vertices"),
        ("[[0.1, 0.2]", "point", "too_few_vertices"),
        ("x" * (MAX_CHARACTERS + 1), "mask", "too_large"),
        (f"[[{'[0,1],' * (MAX_VERTICES + 1)}", "mask", "too_large"),
    ],
)
def test_failures(text, kind, failure):
    answer = parse(text, kind)
    assert (answer.region, answer.failure, answer.strict, answer.n_answers) == (None, failure, False, 0)
    assert failure in FAILURES


@pytest.mark.parametrize("tail", ["", ", ", ", [", ", [[0.5, 0.", ", [[0.500, 0.500], [0.600, 0.500], [0."])
def test_truncated_mask_keeps_complete_rings(tail):
    answer = parse(f"[{TRIANGLE_TEXT}{tail}", "mask")
    assert answer.region == Mask((TRIANGLE,))
    assert (answer.strict, answer.truncated) == (False, True)


def test_truncated_ring_of_three_vertices_is_kept():
    answer = parse(BOTH_TEXT[: BOTH_TEXT.rindex(", [")], "mask")
    assert answer.region == Mask((TRIANGLE, SQUARE[:3]))
    assert answer.truncated


def test_several_masks_are_joined_unless_the_first_is_asked_for():
    text = f"[{TRIANGLE_TEXT}] or rather [{SQUARE_TEXT}]"
    assert parse(text, "mask").region == Mask((TRIANGLE, SQUARE))
    assert parse(text, "mask").n_answers == 2
    assert parse(text, "mask", answers="first").region == Mask((TRIANGLE,))


@pytest.mark.parametrize(("kind", "text"), [("point", "[0.1, 0.2] [0.3, 0.4]"), ("box", "[0, 0, 1, 1][0.1, 0, 1, 1]")])
def test_of_several_boxes_or_points_the_first_counts(kind, text):
    both, first = parse(text, kind), parse(text, kind, answers="first")
    assert both == first and both.n_answers == 2 and not both.strict


@pytest.mark.parametrize("text", ["[0.3, 0.4, 0.1, 0.2]", "[1.5, 0, 1, 1]", "[00.1, 0, 1, 1]", "[.1, 0, 1, 1]"])
def test_unordered_or_odd_numbers_are_not_strict(text):
    answer = parse(text, "box")
    assert answer.region is not None
    assert not answer.strict


HOSTILE = {
    "opening brackets": "[" * 1_000_000,
    "opening brackets, as many as are read": "[" * MAX_CHARACTERS,
    "closing brackets": "]" * MAX_CHARACTERS,
    "empty lists": "[]" * (MAX_CHARACTERS // 2),
    "deep nesting": "[" * (MAX_CHARACTERS // 2) + "]" * (MAX_CHARACTERS // 2),
    "a million points": "[[" + "[0.1, 0.2], " * 1_000_000,
    "as many points as are read": "[[" + "[0.1, 0.2], " * MAX_VERTICES,
    "points without a list": "[0.1,1]" * MAX_VERTICES,
    "digits": "[" + "1" * (MAX_CHARACTERS - 1),
    "spaces": "[" + " " * (MAX_CHARACTERS - 1),
    "unfinished numbers": "[1e" * (MAX_CHARACTERS // 3),
    "unfinished vertices": "[0.1 , " * (MAX_CHARACTERS // 7),
    "huge numbers": "[[[1e308, 1e9999], [-1e308, 0.5], [9e999, -1e999]]]",
    "unicode digits": "[[[٠.١, ٠.٢], [1², 0], [¼, 0]]]" * 1000,
    "surrogates": "[\ud800, \udfff]" * 4000,
    "null bytes": "[\0.1, 0.2]" * 4000,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_read_in_well_under_a_second(text, kind, within):
    answer = within(0.8, lambda: parse(text, kind))
    assert (answer.region is None) == (answer.failure in FAILURES)
    assert not answer.strict


@pytest.mark.parametrize(
    ("text", "kind", "region", "strict"),
    [
        ("[[[0, 7], [999, 45], [123, 456]]]", "mask", Mask((np.array([[0, 7], [999, 45], [123, 456]]) / 1000,)), True),
        ("[1, 0, 2, 999]", "box", Box(0.001, 0, 0.002, 0.999), True),
        ("[500, 1000]", "point", Point(0.5, 1.0), False),
        ("[500, 012]", "point", Point(0.5, 0.012), False),
        ("[500, -1]", "point", Point(0.5, 0.0), False),
        ("[0.5, 1.0]", "point", Point(0.0005, 0.001), False),
    ],
)
def test_integers(text, kind, region, strict):
    answer = parse(text, kind, steps=1000)
    assert (answer.region, answer.strict) == (region, strict)


def as_regex(grammar: str) -> str:
    """A grammar without recursion, as one regular expression."""
    rules = dict(line.split(" ::= ") for line in grammar.splitlines())

    def expand(rule: str) -> str:
        items = re.findall(r'"([^"]*)"|(\[[01]-9\]|[()+*|])|([a-z]+)', rule)
        return "".join(re.escape(text) or symbol or f"(?:{expand(rules[name])})" for text, symbol, name in items)

    return expand(rules["root"])


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("precision", [2, 3])
@pytest.mark.parametrize(
    ("kind", "region"),
    [
        ("mask", Mask()),
        ("mask", Mask((TRIANGLE, SQUARE))),
        ("box", Box(0, 0.123, 0.5, 1)),
        ("point", Point(0.999, 0.25)),
    ],
)
def test_grammar_for_constrained_decoding_is_the_canonical_language(kind, region, precision, integers):
    language = re.compile(as_regex(ebnf(kind, precision, integers)))
    text = format_region(region, precision, integers)
    assert language.fullmatch(text)
    assert parse(text, kind, steps=10**precision if integers else None).strict
    longer = text.replace("]", "000]", 1) if kind != "mask" or region.polygons else "[0]"
    for other in (text[:-1], f" {text}", longer, text.replace("[", "[[", 1), "[[[0.1, 0.2]]]"):
        assert not language.fullmatch(other)
