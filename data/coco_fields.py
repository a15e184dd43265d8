"""The fields of COCO files as tools write them: numbers as text, text as numbers, nested polygons, flags of any type.

Why: `bool("0")` is True, and an id 17 is not "17" to a dict. What a field means is settled here, once, for every
command that reads such a file; a value without a meaning is a ValueError that names the key.
"""

from array import array
from math import isfinite
from typing import Any

_YES, _NO = ("1", "1.0", "true", "yes"), ("", "0", "0.0", "false", "no", "none", "null")


def identifier(value: Any, key: str) -> int | str:
    """17, 17.0, "17" and " 17 " are one id; other text is an id as it is.  Raises ValueError for what is none."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isascii() and value.isdecimal() else value
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError(f"{key} is {_shown(value)}, no id")
    return int(value)


def flag(value: Any, key: str) -> bool:
    """`iscrowd` as a bool, a number or text; absent means no.  Raises ValueError."""
    text = "" if value is None else str(value).strip().lower()
    if text in _YES or text in _NO:
        return text in _YES
    raise ValueError(f"{key} is {_shown(value)}, neither 0 nor 1")


def number(value: Any, key: str) -> float:
    """A finite number, also as text.  Raises ValueError."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = float("nan")
    if isinstance(value, bool) or not isfinite(found):
        raise ValueError(f"{key} is {_shown(value)}, no number")
    return found


def pixels(value: Any, key: str) -> int:
    """`width` or `height`; 0 where it is absent.  Raises ValueError."""
    found = number(value, key) if value not in (None, "") else 0.0
    if found < 0 or found != found // 1:
        raise ValueError(f"{key} is {_shown(value)}, no number of pixels")
    return int(found)


def box(value: Any, key: str = "bbox") -> tuple[float, float, float, float] | None:
    """x, y, width, height; None where it is absent.  Raises ValueError."""
    if value is None or value in ([], ""):
        return None
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise ValueError(f"{key} is {_shown(value)}, not x, y, width, height")
    x, y, width, height = (number(each, key) for each in value)
    return x, y, width, height


def segmentation(value: Any, key: str = "segmentation") -> list | dict | None:
    """Run lengths as they are; polygons as flat arrays of pairs, whatever their nesting; None where there is nothing.

    `[x, y, x, y]`, `[[x, y, x, y], ...]`, `[[x, y], [x, y], ...]` and `[[[x, y], ...], ...]` are read.  RefCLEF's are
    lists of run lengths.  Raises ValueError.
    """
    if value in (None, "", [], {}, [[]]):
        return None
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        raise ValueError(f"{key} is {_shown(value)}, neither polygons nor run lengths")
    if not isinstance(value[0], list | dict):
        return [_flat(value, key)]
    if len(value) >= 3 and all(isinstance(part, list) and len(part) == 2 and _is_flat(part) for part in value):
        return [_flat([each for pair in value for each in pair], key)]
    parts = []
    for part in value:
        if isinstance(part, dict):
            parts.append(part)
        elif isinstance(part, list) and part:
            pairs = isinstance(part[0], list)
            parts.append(_flat([each for pair in part for each in _pair(pair, key)] if pairs else part, key))
        elif part not in (None, []):
            raise ValueError(f"{key} has {_shown(part)} where flat x, y, x, y numbers are expected")
    return parts or None


def _is_flat(part: list) -> bool:
    return not any(isinstance(each, list | dict) for each in part)


def _pair(pair: Any, key: str) -> list:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"{key} has {_shown(pair)} where a pair x, y is expected")
    return pair


def _flat(numbers: list, key: str) -> array:
    try:
        return array("d", numbers)
    except TypeError:
        try:
            return array("d", [number(each, key) for each in numbers])
        except ValueError:
            raise ValueError(f"{key} has {_shown(numbers)} where flat x, y, x, y numbers are expected") from None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
