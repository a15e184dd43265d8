"""Expressions for objects that have a category and no words: only those that can mean one object of the image.

Why: COCO-style datasets name what an object is.  "The dog" is an expression where there is one dog, and "the left dog"
where there are two; with three nobody could tell.  Kinds (a dataset uses those its configuration names): `only`, `side`
and `largest`.
"""

from collections.abc import Callable

from data.coco_instances import Annotation

Box = tuple[float, float, float, float]

# As in synthetic scenes (`expressions.py`): an eye should not need a ruler.
_AREA_MARGIN = 1.25
_PLACE_MARGIN = 12


def only(noun: str, width: int, own: Box, others: list[Box]) -> list[str]:
    return [] if others else [f"the {noun}"]


def side(noun: str, width: int, own: Box, others: list[Box]) -> list[str]:
    if len(others) != 1:
        return []
    distance_px = (own[0] + own[2] - others[0][0] - others[0][2]) / 2
    if abs(distance_px) <= width / _PLACE_MARGIN:
        return []
    word = "left" if distance_px < 0 else "right"
    return [f"the {word} {noun}", f"the {noun} on the {word}"]


def largest(noun: str, width: int, own: Box, others: list[Box]) -> list[str]:
    """By their boxes, which show what is seen of an object at a glance."""
    if len(others) != 1 or _area(own) < _AREA_MARGIN * _area(others[0]):
        return []
    return [f"the largest {noun}", f"the larger {noun}"]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


PHRASES: dict[str, Callable[[str, int, Box, list[Box]], list[str]]] = {"only": only, "side": side, "largest": largest}


def phrases(
    target: Annotation, rivals: list[Annotation], noun: str, width: int, kinds: list[str], *, crowds: bool = False
) -> tuple[str, ...]:
    """Every expression that means `target` alone.

    `rivals` are the other objects of the photograph that its noun may mean (`may_mean`), `width` is the image's, px.
    None are found beside a crowd region, which holds any number of objects, unless `crowds` are objects, or beside one
    whose box is not known.
    """
    boxes = [item.box_px() for item in rivals]
    own = target.box_px()
    if None in boxes or (own is None and boxes) or (not crowds and any(item.is_crowd for item in rivals)):
        return ()
    own = own or (0.0, 0.0, 0.0, 0.0)  # run lengths without a box: alone, it is meant wherever it is
    return tuple(phrase for kind in kinds for phrase in PHRASES[kind](noun, width, own, [b for b in boxes if b]))


def noun_of(category: str) -> str:
    """A category's name as it is written in an expression: merged datasets have "Car" and "car "."""
    return " ".join(category.split()).lower()


def may_mean(noun: str, other: str) -> bool:
    """Whether somebody who says `noun` may mean an object called `other`: "the car" a sports car, too."""
    return other == noun or other.endswith(f" {noun}")
