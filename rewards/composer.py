"""Rewards: the terms of one recipe, weighted and added up. No normalisation: the total is sum(weight x raw term).

A recipe is a dict of terms by name (conf/rewards/*.yaml), so that an override can touch one term without repeating
the others:

    iou:      {_target_: rewards.iou.MaskIoU, threshold: null, weight: 1.0}
    distance: null                                   # removed
    compact:  {_target_: my_lab.terms.Compactness, weight: 0.1}

`_target_` may be left out for the terms in TERMS. Every raw term is reported next to the total, also those of weight 0,
which makes a term a metric. Terms that do not apply to the target's kind are None, and the total leaves them out.
"""

import inspect
import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from polygon import Codec, Target, UserError
from rewards.boundary import BoundaryIoU
from rewards.box_iou import BoxIoU
from rewards.distance import CentroidDistance
from rewards.format import Format
from rewards.iou import MaskIoU
from rewards.length import LengthPenalty
from rewards.point_in_mask import PointInMask
from rewards.response import Response
from rewards.score import Score
from rewards.term import RewardTerm

TERMS: dict[str, type[RewardTerm]] = {
    "iou": MaskIoU,
    "distance": CentroidDistance,
    "format": Format,
    "length": LengthPenalty,
    "boundary": BoundaryIoU,
    "box_iou": BoxIoU,
    "point_in_mask": PointInMask,
}


class Rewards:
    """The terms and weights of a recipe. Raises UserError on an unknown term or option and names the known ones."""

    def __init__(self, recipe: Mapping[str, Mapping[str, Any] | None], codec: Codec):
        self.codec = codec
        self.terms: dict[str, RewardTerm] = {}
        self.weights: dict[str, float] = {}
        self._options: dict[str, dict[str, Any]] = {}
        for name, entry in recipe.items():
            if entry is None:
                continue
            options = _as_mapping(name, entry)
            term_class = _term_class(name, options.pop("_target_", None))
            self.weights[name] = _weight(name, options)
            _check_options(name, term_class, options)
            try:
                self.terms[name] = term_class(**options)
            except TypeError as error:
                raise UserError(f"rewards.{name}: {error}") from error
            self._options[name] = options
        if not self.terms:
            raise UserError(f"rewards: no term is left; give at least one of {', '.join(TERMS)}")

    def score(self, text: str, target: Target) -> Score:
        """Score any text. Raises UserError if no term applies to the target: such a row teaches nothing."""
        response = Response(text, target, self.codec)
        terms = {name: term(response, target) for name, term in self.terms.items()}
        total = [self.weights[name] * value for name, value in terms.items() if value is not None]
        if not total:
            raise UserError(
                f"rewards: none of {', '.join(terms)} applies to {target.kind} answers (task {target.task}); "
                f"add one of {', '.join(name for name, term in TERMS.items() if target.kind in term.applies_to)}"
            )
        return Score(
            total=sum(total),
            terms=terms,
            failure=response.answer.failure,
            breaches=response.breaches,
            void=response.is_void,
            strict=response.answer.strict,
            truncated=response.answer.truncated,
            n_answers=response.answer.n_answers,
            vertices=response.vertices,
        )

    def table(self) -> str:
        """The recipe as a text table: term, weight, answers it applies to, options."""
        rows = [("reward term", "weight", "applies to", "options")]
        for name, term in self.terms.items():
            options = ", ".join(f"{key}={value}" for key, value in self._options[name].items())
            rows.append((name, f"{self.weights[name]:g}", ", ".join(term.applies_to), options))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join(lines)


def _as_mapping(name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise UserError(
            f"rewards.{name}: {entry!r} is not a mapping; write {{weight: ...}}, or null to remove the term"
        )
    return dict(entry)


def _term_class(name: str, path: str | None) -> type[RewardTerm]:
    if path is None:
        if name not in TERMS:
            raise UserError(
                f"rewards.{name}: unknown reward term; known: {', '.join(TERMS)}; give _target_ for your own"
            )
        return TERMS[name]
    module_name, _, class_name = str(path).rpartition(".")
    try:
        term_class = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"rewards.{name}: _target_ {path} cannot be imported ({error})") from error
    if not (isinstance(term_class, type) and issubclass(term_class, RewardTerm)):
        raise UserError(f"rewards.{name}: _target_ {path} is not a subclass of rewards.term.RewardTerm")
    return term_class


def _weight(name: str, options: dict[str, Any]) -> float:
    weight = options.pop("weight", None)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
        raise UserError(f"rewards.{name}: weight={weight!r} is not a number; write a finite one (0 only logs the term)")
    return float(weight)


def _check_options(name: str, term_class: type[RewardTerm], options: Mapping[str, Any]) -> None:
    known = inspect.signature(term_class).parameters
    for key in options:
        if key not in known:
            raise UserError(f"rewards.{name}: unknown key {key!r}; known: {', '.join(['_target_', 'weight', *known])}")
