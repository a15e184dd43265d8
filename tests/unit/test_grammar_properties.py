"""The parser on texts nobody thought of: it never raises, and says of every text what contract it keeps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from polygon import FAILURES, KINDS, Box, Mask, Point, format_region, parse

kinds = st.sampled_from(KINDS)
grammatical = st.text(alphabet="[[[]]],,, ..0123456789-eE+\nxN", max_size=120)
fragments = st.lists(
    st.sampled_from(
        ["[", "]", "[[", "]]", ", ", "[0.1, 0.2]", "[0.5,1]", "[0, 0, 1, 1]", "[]", "[2, -1]", "[.5", "so "]
    ),
    max_size=30,
).map("".join)
texts = st.one_of(st.text(max_size=60), grammatical, fragments)

steps = st.integers(0, 1000)
rings = st.lists(st.tuples(steps, steps), min_size=3, max_size=8).map(lambda ring: np.array(ring) / 1000)
masks = st.lists(rings, max_size=4).map(lambda polygons: Mask(tuple(polygons)))
points = st.tuples(steps, steps).map(lambda point: Point(point[0] / 1000, point[1] / 1000))
boxes = st.tuples(steps, steps, steps, steps).map(
    lambda edges: Box(*(edge / 1000 for edge in (*map(min, edges[:2], edges[2:]), *map(max, edges[:2], edges[2:]))))
)
regions = st.one_of(
    st.tuples(masks, st.just("mask")), st.tuples(boxes, st.just("box")), st.tuples(points, st.just("point"))
)


def coordinates(region):
    match region:
        case Mask(polygons):
            return [number for ring in polygons for vertex in ring.tolist() for number in vertex]
        case Box(x0, y0, x1, y1):
            return [x0, y0, x1, y1]
        case Point(x, y):
            return [x, y]


@given(texts, kinds)
def test_every_text_has_an_answer_that_keeps_the_contract(text, kind):
    answer = parse(text, kind)
    assert (answer.region is None) == (answer.failure in FAILURES)
    assert (answer.n_answers > 0) == (answer.region is not None)
    if answer.region is not None:
        assert all(0 <= number <= 1 for number in coordinates(answer.region))
    if kind == "mask" and answer.region is not None:
        assert all(len(ring) >= 3 for ring in answer.region.polygons)
    if answer.strict:
        assert (answer.n_answers, answer.truncated) == (1, False)


@given(texts)
def test_a_text_is_strict_for_one_kind_at_most(text):
    assert sum(parse(text, kind).strict for kind in KINDS) <= 1


@given(regions)
def test_what_is_written_is_read_back_strictly(pair):
    region, kind = pair
    answer = parse(format_region(region), kind)
    assert answer.strict
    assert answer.region == region


@given(texts, kinds)
def test_writing_a_strict_answer_again_changes_nothing_more(text, kind):
    answer = parse(text, kind)
    if answer.strict:
        canonical = format_region(answer.region, precision=8)
        assert format_region(parse(canonical, kind).region, precision=8) == canonical


@given(regions, st.sampled_from(["Sure: ", "```\n", "[note] ", "x"]), st.sampled_from([".", "\n```", " ]", " [end]"]))
def test_prose_around_an_answer_changes_strictness_only(pair, before, after):
    region, kind = pair
    answer = parse(before + format_region(region) + after, kind)
    assert answer.region == region
    assert not answer.strict


@given(masks.filter(lambda mask: mask.polygons), st.data())
def test_a_text_cut_short_keeps_what_was_complete(mask, data):
    text = format_region(mask)
    cut = data.draw(st.integers(1, len(text) - 1))
    answer = parse(text[:cut], "mask")
    assert answer.truncated
    assert not answer.strict
    complete = text[:cut].count("]]")
    kept = answer.region.polygons if answer.region else ()
    assert complete <= len(kept) <= complete + 1
    for ring, original in zip(kept, mask.polygons, strict=False):
        assert np.array_equal(ring, original[: len(ring)])
