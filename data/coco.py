"""`Coco`: any dataset in COCO's instances format, with expressions made of its categories.

Why: masks without words are plenty; where an object's category can mean it alone, they are samples too
(`category_phrases.py`).  Captions are ignored, and so are objects that no expression singles out.
How: `dataset=coco dataset.source.root=FOLDER`; one json a split,

    annotations: {train: annotations/instances_train2017.json, val: annotations/instances_val2017.json}
    images: {train: train2017, val: val2017}

or one json, divided by image:

    annotations: instances.json
    images: images
    shares: {train: 0.8, val: 0.1, test: 0.1}
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from data.category_phrases import PHRASES, may_mean, noun_of, phrases
from data.coco_instances import Annotation, Instances
from data.lazy_records import LazyRecords
from data.record import Record, image_id
from data.record_source import RecordSource
from polygon import UserError


class _Target(NamedTuple):
    annotation: Annotation
    photograph: str
    expressions: tuple[str, ...]
    problem: tuple[str, str] | None


@dataclass(kw_only=True)
class Coco(RecordSource):
    """`annotations` and `images` lie below `root`; each is one name or one a split.

    `shares` divides a single json by its images, the same way for one `seed` whatever else changes.
    `photographs` names the collection, where another dataset shows the same ones under the same file names (in `mscoco`
    files named as COCO's own are known by their numbers).  `expressions` are kinds of `category_phrases.PHRASES`.
    Objects whose box has fewer than `min_area` px are no targets; they still count where an expression has to be
    unambiguous.
    """

    layout: ClassVar[str] = "name the folder that `annotations` (json files) and `images` (folders) lie in"
    root: str
    annotations: str | dict
    images: str | dict
    shares: dict | None = None
    photographs: str | None = None
    expressions: list = field(default_factory=lambda: list(PHRASES))
    min_area: int = 64

    def __post_init__(self) -> None:
        """Raises UserError for a setting that makes no sense and for files that are missing."""
        for kind in self.expressions or ("",):
            if kind not in PHRASES:
                raise UserError(f"dataset.source.expressions: {kind!r} is unknown; known: {', '.join(PHRASES)}")
        if isinstance(self.annotations, str) != bool(self.shares):
            raise UserError(
                "dataset.source.shares divides one json: set `annotations` to a file and `shares` to shares by split, "
                "or `annotations` to files by split and leave `shares` out"
            )
        if self.shares and not all(isinstance(v, int | float) and v > 0 for v in self.shares.values()):
            raise UserError(f"dataset.source.shares: {self.shares} are not positive numbers")
        for split in self.splits:
            if isinstance(self.images, dict) and split not in self.images:
                raise UserError(f"dataset.source.images has no folder for {split}")
            for path, there in ((self._file(split), Path.is_file), (self._photos(split), Path.is_dir)):
                if not there(path):
                    raise UserError(f"{path} is missing; dataset.source.root: {self.layout}")

    @cached_property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.shares or self.annotations)

    def records(self, split: str) -> Sequence[Record]:
        return LazyRecords(self._targets[split], partial(self._record, split))

    def expression_counts(self, split: str) -> Sequence[int]:
        return [len(target.expressions) for target in self._targets[split]]

    def _file(self, split: str) -> Path:
        return Path(self.root) / (self.annotations if isinstance(self.annotations, str) else self.annotations[split])

    def _photos(self, split: str) -> Path:
        return Path(self.root) / (self.images if isinstance(self.images, str) else self.images[split])

    @cached_property
    def _instances(self) -> dict[Path, Instances]:
        return {path: Instances.read(path) for path in {self._file(split) for split in self.splits}}

    @cached_property
    def _targets(self) -> dict[str, list[_Target]]:
        """By split, the objects that an expression singles out, in the order of their file."""
        if not self.shares:
            return {split: self._read(split, self._instances[self._file(split)]) for split in self.splits}
        targets = {split: [] for split in self.splits}
        for target in self._read(self.splits[0], self._instances[self._file(self.splits[0])]):
            targets[self._share_of(target.photograph, self.shares)].append(target)
        return targets

    def _read(self, split: str, instances: Instances) -> list[_Target]:
        nouns = {number: noun_of(name) for number, name in instances.categories.items()}
        photographs: dict[Any, str] = {}
        objects = defaultdict(list)  # by photograph: one may have several ids
        for item in instances.annotations.values():
            if item.image_id not in photographs:
                photographs[item.image_id] = self._image_id(split, instances, item.image_id)
            objects[photographs[item.image_id]].append(item)
        return [
            found
            for photograph, items in objects.items()
            for item in items
            if not item.is_crowd and (found := self._target(instances, item, items, nouns, photograph))
        ]

    def _target(
        self, instances: Instances, item: Annotation, items: list[Annotation], nouns: dict[Any, str], photograph: str
    ) -> _Target | None:
        """None for an object that is too small or that no expression singles out of the `items` of its photograph."""
        photo, noun = instances.photos.get(item.image_id), nouns.get(item.category_id)
        if photo is None or noun is None:
            lacking = f"image {item.image_id}" if photo is None else f"category {item.category_id}"
            problem = ("bad_annotation", f"annotation {item.id}: {lacking} is not in the file")
            return _Target(item, photograph, ("object",), problem)
        if item.id in instances.twice:
            return _Target(item, photograph, (noun,), ("duplicate_id", f"annotation {item.id} occurs twice"))
        box = item.box_px()
        if box is not None and (box[2] - box[0]) * (box[3] - box[1]) < self.min_area:
            return None
        if box is None:
            problem = ("bad_annotation", f"annotation {item.id}: its bbox is no box with an area")
            return _Target(item, photograph, (noun,), problem)
        rivals = [each for each in items if each is not item and may_mean(noun, nouns.get(each.category_id, ""))]
        expressions = phrases(item, rivals, noun, photo.width, self.expressions)
        return _Target(item, photograph, expressions, None) if expressions else None

    def _image_id(self, split: str, instances: Instances, number: Any) -> str:
        """By its path below the folder that all splits' folders of images lie in.

        A file named as one of COCO's own is none where its number is not the image's id.
        """
        photo = instances.photos.get(number)
        folders = [str(self._photos(each)) for each in self.splits]
        path = self._photos(split) / (photo.file_name.replace("\\", "/") if photo else "")
        path = os.path.relpath(path, os.path.commonpath(folders))
        found = image_id(path, self.photographs or self.name)
        is_cocos = found.removeprefix("coco/").lstrip("0") == str(number).lstrip("0")
        return found if is_cocos or not found.startswith("coco/") else image_id(path, self.name)

    def _share_of(self, photograph: str, shares: dict[str, float]) -> str:
        digest = hashlib.blake2b(f"{self.seed}/{photograph}".encode(), digest_size=8).digest()
        ends = list(accumulate(shares.values()))
        place = int.from_bytes(digest, "big") / 2**64 * ends[-1]
        return next(split for split, end in zip(shares, ends, strict=True) if place < end)

    def _record(self, split: str, target: _Target) -> Record:
        item, instances = target.annotation, self._instances[self._file(split)]
        photo = instances.photos.get(item.image_id)
        file_name = photo.file_name if photo else ""
        return Record(
            source=self.name,
            split=split,
            image=str(self._photos(split) / file_name),
            image_id=target.photograph,
            ann_id=str(item.id),
            height=photo.height if photo else 0,
            width=photo.width if photo else 0,
            segmentations=item.segmentations(),
            box_px=item.box_px(),
            expressions=target.expressions,
            problem=target.problem,
            source_image_id=item.image_id,
            category_id=item.category_id,
            category=instances.categories.get(item.category_id),
        )
