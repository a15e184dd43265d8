"""Every expression fits exactly the object that is asked for, as read by a second, independent interpreter."""

import re

import numpy as np
import pytest

from data.expressions import PHRASES, absent, namable, refer, words
from data.outlines import OUTLINES
from data.scene import COLOURS
from data.shapes import Shapes

HARD = Shapes(
    objects=(1, 6),
    radius=(0.1, 0.24),
    spacing=0.55,
    min_visible=0.4,
    distinct=False,
    shapes=tuple(OUTLINES),
    expressions=tuple(PHRASES),
    no_target=0.3,
)
BEST = {
    "largest": lambda o: o.area_px,
    "smallest": lambda o: -o.area_px,
    "leftmost": lambda o: -o.centre_px[0],
    "rightmost": lambda o: o.centre_px[0],
    "topmost": lambda o: -o.centre_px[1],
    "bottommost": lambda o: o.centre_px[1],
}
SIDE = {
    "left of": lambda o, anchor: o.centre_px[0] < anchor.centre_px[0],
    "right of": lambda o, anchor: o.centre_px[0] > anchor.centre_px[0],
    "above": lambda o, anchor: o.centre_px[1] < anchor.centre_px[1],
    "below": lambda o, anchor: o.centre_px[1] > anchor.centre_px[1],
}


def meant(phrase: str, objects) -> list[int]:
    """Indices of the objects that fit the phrase."""
    left, side, anchor_phrase = re.fullmatch(rf"(.*?)(?: ({'|'.join(SIDE)}) (the .*))?", phrase).groups()
    tokens = left.removeprefix("the ").split()
    fitting = [
        index
        for index, item in enumerate(objects)
        if all(item.colour == t for t in tokens if t in COLOURS)
        and all(item.shape == t for t in tokens if t in OUTLINES)
    ]
    if side:
        (anchor,) = meant(anchor_phrase, objects)
        fitting = [index for index in fitting if index != anchor and SIDE[side](objects[index], objects[anchor])]
    for token in tokens:
        if token in BEST:
            best = max(BEST[token](objects[index]) for index in fitting)
            fitting = [index for index in fitting if BEST[token](objects[index]) == best]
    return fitting


@pytest.mark.parametrize("kind", PHRASES)
def test_a_phrase_fits_one_object(kind):
    heard = set()
    for index in range(80):
        objects = HARD.scene("train", index).objects
        for target in range(len(objects)):
            for phrase in PHRASES[kind](objects, target):
                assert meant(phrase, objects) == [target], phrase
                assert set(phrase.split()) <= words()
                heard.add(phrase)
    assert len(heard) > 20, "too few to have tested much"


def test_absent_phrases_fit_nothing_and_are_near_misses():
    for index in range(40):
        objects = HARD.scene("train", index).objects
        phrases = absent(objects, HARD.shapes, HARD.colours)
        assert phrases
        for phrase in phrases:
            assert meant(phrase, objects) == []
            assert any(item.colour in phrase.split() or item.shape in phrase.split() for item in objects)


def test_the_asked_object_is_the_target():
    for index in range(80):
        sample, objects = HARD.sample("train", index, "text2mask"), HARD.scene("train", index).objects
        fitting = meant(sample.expression, objects)
        expected_HW = objects[fitting[0]].mask_HW if fitting else np.zeros((128, 128), bool)
        assert np.array_equal(sample.target().mask, expected_HW)
        assert (sample.box is None) == (not fitting)


def test_the_share_of_queries_without_a_target_is_as_configured_and_only_masks_have_them():
    empty = [HARD.sample("train", index, "text2mask").box is None for index in range(400)]
    assert np.mean(empty) == pytest.approx(0.3, abs=0.07)
    assert all(HARD.sample("train", index, "text2box").box for index in range(60))
    assert not any(Shapes().sample("train", index, "text2mask").box is None for index in range(60))


def test_objects_and_kinds_are_all_asked_for():
    rng = np.random.default_rng(0)
    objects = next(scene.objects for i in range(99) if len((scene := Shapes().scene("train", i)).objects) == 3)
    assert {refer(objects, ["attributes"], rng)[0] for _ in range(40)} == {0, 1, 2}


def test_nobody_is_named_by_a_kind_that_fits_nobody():
    alone = Shapes(objects=(1, 1)).scene("train", 0).objects
    assert not namable(alone, ["superlatives", "positions", "relations"])
    assert namable(alone, ["attributes"])
    with pytest.raises(ValueError, match="no object"):
        refer(alone, ["relations"], np.random.default_rng(0))
