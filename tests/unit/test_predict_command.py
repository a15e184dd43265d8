"""Around `rollout.predict`: words on its command line, drawings of nothing and of holes."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from polygon import Codec, Mask
from rollout.overlay import overlay_pixels, overlay_svg
from rollout.predict import word_for_word


def test_words_need_no_escapes(composed):
    for words in (
        'the dog\'s "best" friend, left (or right) \\o/ a=b',
        'a \\" \\',
        "[1, 2]",
        "{a: 1}",
        "null dog",
        "3",
    ):
        assert composed("predict", *word_for_word([f"expression={words}"])).expression == words
    config = composed("predict", *word_for_word(["image=IMG (1).jpg", "task=text2box"]))
    assert (config.image, list(config.task.weights)) == ("IMG (1).jpg", ["text2box"])
    assert word_for_word(["expression=null", 'question="Where is {q}?"', "point=[0.1,0.2]", "--help"]) == [
        "expression=null",
        'question="Where is {q}?"',
        "point=[0.1,0.2]",
        "--help",
    ]


def test_nothing_to_draw_draws_nothing():
    image_HW3 = np.full((20, 30, 3), 90, np.uint8)
    for region in (None, Mask()):
        assert (overlay_pixels(image_HW3, region, Codec()) == image_HW3).all()
        assert len(ElementTree.fromstring(overlay_svg(region, 20, 30, None, "none", Codec()))[1]) == 0


def test_holes_are_cut_or_filled_as_the_codec_does():
    outer_N2, inner_N2 = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), np.array([[0.2, 0.2], [0.2, 0.8], [0.8, 0.8]])
    for decode, outlines in (("matched", ["MZMZ"]), ("reference", ["MZ", "MZ"])):
        svg = overlay_svg(Mask((outer_N2, inner_N2)), 20, 30, None, "ring", Codec(decode=decode))
        paths = [element.get("d") for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("path")]
        assert ["".join(re.findall("[MZ]", path)) for path in paths] == outlines
        assert "evenodd" not in svg, "two parts that overlap are both filled"
