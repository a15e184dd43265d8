"""Referring expressions for synthetic scenes; every phrase fits exactly one object of its scene, or none on purpose.

Why: the exact answer of a synthetic scene is worth nothing if the question could mean two objects.
Kinds (which ones a dataset uses is configuration): attributes "the red star", superlatives "the largest star",
positions "the leftmost object", relations "the star left of the red circle"; and `absent` phrases, which fit nothing.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from data.outlines import OUTLINES
from data.scene import COLOURS, SceneObject

# An eye should not need a ruler: areas differ by a quarter, centres by a twelfth of the image.
_AREA_MARGIN = 1.25
_PLACE_MARGIN = 12

Objects = Sequence[SceneObject]
_POSITIONS = {"leftmost": (0, -1), "rightmost": (0, 1), "topmost": (1, -1), "bottommost": (1, 1)}
_RELATIONS = {"left of": (0, -1), "right of": (0, 1), "above": (1, -1), "below": (1, 1)}


def _nouns(item: SceneObject) -> Iterator[tuple[str, Callable[[SceneObject], bool]]]:
    """Every noun phrase that fits `item`, with its test."""
    yield f"{item.colour} {item.shape}", lambda o: (o.colour, o.shape) == (item.colour, item.shape)
    yield item.shape, lambda o: o.shape == item.shape
    yield f"{item.colour} object", lambda o: o.colour == item.colour


def attributes(objects: Objects, index: int) -> list[str]:
    item = objects[index]
    phrases = [f"the {noun}" for noun, fits in _nouns(item) if sum(map(fits, objects)) == 1]
    if f"the {item.colour} object" in phrases:
        phrases.append(f"the {item.colour} one")
    return phrases


def _rivals(objects: Objects, index: int) -> Iterator[tuple[str, list[SceneObject]]]:
    """Nouns shared with other objects, and those others."""
    item = objects[index]
    for noun, fits in (*_nouns(item), ("object", lambda o: True)):
        others = [other for other in objects if other is not item and fits(other)]
        if others:
            yield noun, others


def superlatives(objects: Objects, index: int) -> list[str]:
    area = objects[index].area_px
    phrases = []
    for noun, others in _rivals(objects, index):
        if all(area >= _AREA_MARGIN * other.area_px for other in others):
            phrases.append(f"the largest {noun}")
        if all(_AREA_MARGIN * area <= other.area_px for other in others):
            phrases.append(f"the smallest {noun}")
    return phrases


def _beyond(item: SceneObject, other: SceneObject, axis: int, sign: int, margin_px: float) -> bool:
    return sign * (item.centre_px[axis] - other.centre_px[axis]) > margin_px


def positions(objects: Objects, index: int) -> list[str]:
    item = objects[index]
    margin_px = item.mask_HW.shape[0] / _PLACE_MARGIN
    return [
        f"the {word} {noun}"
        for noun, others in _rivals(objects, index)
        for word, (axis, sign) in _POSITIONS.items()
        if all(_beyond(item, other, axis, sign, margin_px) for other in others)
    ]


def relations(objects: Objects, index: int) -> list[str]:
    """For nouns that several objects share: `item` is clearly on that side of the anchor, no rival is at all."""
    item = objects[index]
    margin_px = item.mask_HW.shape[0] / _PLACE_MARGIN
    anchors = [(f"the {o.colour} {o.shape}", o) for i, o in enumerate(objects) if i != index]
    anchors = [(name, anchor) for name, anchor in anchors if [n for n, _ in anchors].count(name) == 1]
    anchors = [(name, anchor) for name, anchor in anchors if (anchor.colour, anchor.shape) != (item.colour, item.shape)]
    phrases = []
    for noun, others in _rivals(objects, index):
        for name, anchor in anchors:
            rivals = [other for other in others if other is not anchor]
            phrases += [
                f"the {noun} {words} {name}"
                for words, (axis, sign) in _RELATIONS.items()
                if rivals
                and _beyond(item, anchor, axis, sign, margin_px)
                and not any(_beyond(rival, anchor, axis, sign, 0) for rival in rivals)
            ]
    return phrases


PHRASES: dict[str, Callable[[Objects, int], list[str]]] = {
    "attributes": attributes,
    "superlatives": superlatives,
    "positions": positions,
    "relations": relations,
}


def absent(objects: Objects, shapes: Sequence[str], colours: Sequence[str]) -> list[str]:
    """Phrases that fit no object, each a near miss: its colour or its shape is in the scene."""
    present = {(o.colour, o.shape) for o in objects}
    seen_colours, seen_shapes = {colour for colour, _ in present}, {shape for _, shape in present}
    return [
        f"the {colour} {shape}"
        for colour in colours
        for shape in shapes
        if (colour, shape) not in present and (colour in seen_colours or shape in seen_shapes)
    ]


def namable(objects: Objects, kinds: Sequence[str]) -> bool:
    """Whether `refer` finds an object."""
    return any(PHRASES[kind](objects, index) for index in range(len(objects)) for kind in kinds)


def refer(objects: Objects, kinds: Sequence[str], rng: np.random.Generator) -> tuple[int, str]:
    """(object index, phrase): uniform over the objects that can be named, then over kinds, then over phrases.

    Raises ValueError when there is none (see `namable`).
    """
    for index in rng.permutation(len(objects)).tolist():
        choices = [phrases for kind in kinds if (phrases := PHRASES[kind](objects, index))]
        if choices:
            phrases = choices[rng.integers(len(choices))]
            return index, phrases[rng.integers(len(phrases))]
    raise ValueError(f"no object of this scene can be named by {', '.join(kinds)}")


def words() -> set[str]:
    """Every word a phrase can hold."""
    phrases = ["the object one largest smallest", *OUTLINES, *COLOURS, *_POSITIONS, *_RELATIONS]
    return {word for phrase in phrases for word in phrase.split()}
