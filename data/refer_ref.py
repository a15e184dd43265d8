"""`Ref`: an entry of REFER's `refs(...).p` or gRefCOCO's `grefs(...).json`: which objects, in which split, said how.

Why: apart from `refer.py` because this is about a list of references alone, whatever annotations and photographs are
joined to it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.refer_pickle import load_pickle
from polygon import UserError

_TESTS = re.compile("test[A-Z]+")


@dataclass(frozen=True, slots=True)
class Ref:
    """`ann_ids` is () where nothing is meant.  `problem` is what is wrong with the entry itself."""

    ref_id: Any
    split: str
    image_id: Any
    ann_ids: tuple[Any, ...]
    expressions: tuple[str, ...]
    problem: tuple[str, str] | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """RefCLEF's `testBC` belongs to testB and to testC."""
        return tuple(f"test{letter}" for letter in self.split[4:]) if _TESTS.fullmatch(self.split) else (self.split,)


def read_refs(path: Path) -> list[Ref]:
    """All references of a file, in its order.  Raises UserError for a file that holds no such list."""
    if path.suffix == ".json":
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no whole JSON file ({error}); fetch it anew") from error
    else:
        entries = load_pickle(path)
    if not isinstance(entries, list) or not all(map(_has_split, entries)):
        raise UserError(f"{path} holds no list of references, each with its split; expected REFER's refs(...).p")
    return list(_refs(entries, path.name))


def _has_split(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("split"), str)


def _refs(entries: list[dict], file: str) -> Iterator[Ref]:
    seen = set()
    for number, entry in enumerate(entries):
        ref_id = entry.get("ref_id", number)
        try:
            problem = ("duplicate_id", f"{file}: ref {ref_id} occurs twice") if ref_id in seen else None
            seen.add(ref_id)
            ann_ids = entry["ann_id"] if isinstance(entry["ann_id"], list) else [entry["ann_id"]]
            hash((entry["image_id"], *ann_ids))  # they are looked up
            expressions = [str(said.get("sent") or said.get("raw") or "").strip() for said in entry["sentences"]]
            yield Ref(
                ref_id=ref_id,
                split=entry["split"],
                image_id=entry["image_id"],
                ann_ids=tuple(ann_id for ann_id in ann_ids if ann_id != -1),  # gRefCOCO's word for nothing
                expressions=tuple(filter(None, expressions)),
                problem=problem,
            )
        except (LookupError, TypeError, AttributeError) as error:
            detail = f"{file}: ref {ref_id}: {type(error).__name__} {error}"
            yield Ref(ref_id, entry["split"], None, (), (), ("bad_annotation", detail))
