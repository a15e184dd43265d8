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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from data.category_phrases import PHRASES, may_mean, noun_of, phrases
from data.coco_instances import Annotation, Instances, Photo
from data.image_file import read_image
from data.image_files import ImageFiles
from data.lazy_records import LazyRecords
from data.problems import BadRow
from data.record import Record, family, image_id
from data.record_source import RecordSource
from polygon import UserError

CROWDS = ("drop", "keep")


class _Target(NamedTuple):
    annotation: Annotation
    photograph: str
    expressions: tuple[str, ...]
    problem: tuple[str, str] | None


def _firsts(items: list[Annotation]) -> dict[tuple, Annotation]:
    """Geometry -> the first object with it: an object may be listed twice under two ids."""
    found: dict[tuple, Annotation] = {}
    for item in items:
        found.setdefault(item.geometry(), item)
    return found


@dataclass(kw_only=True)
class Coco(RecordSource):
    """`annotations` and `images` lie below `root`; each is one name or one a split.

    `shares` divides a single json by its images, the same way for one `seed` whatever else changes.
    `photographs` names the collection, where another dataset shows the same ones under the same file names (in `mscoco`
    files named as COCO's own are known by their numbers).  `expressions` are kinds of `category_phrases.PHRASES`.
    Objects whose box has fewer than `min_area` px are no targets, nor are crowd regions unless `crowds` is "keep"; they
    still count where an expression has to be unambiguous.
    """

    layout: ClassVar[str] = "name the folder that `annotations` (json files) and `images` (folders) lie in"
    root: str
    annotations: str | dict
    images: str | dict
    shares: dict | None = None
    photographs: str | None = None
    expressions: list = field(default_factory=lambda: list(PHRASES))
    min_area: int = 64
    crowds: str = "drop"

    def __post_init__(self) -> None:
        """Raises UserError for a setting that makes no sense and for files that are missing."""
        if self.crowds not in CROWDS:
            raise UserError(f"dataset.source.crowds: {self.crowds!r} is unknown; known: {', '.join(CROWDS)}")
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
        targets: dict[str, list[_Target]] = {split: [] for split in self.splits}
        self.left_out: dict[str, dict[str, tuple[int, str]]] = {split: {} for split in self.splits}
        for source in self.splits if not self.shares else self.splits[:1]:
            self._is_upright(source)  # found once, before processes are forked
            for item, photograph, found in self._read(source, self._instances[self._file(source)]):
                split = self._share_of(family(photograph), self.shares) if self.shares else source
                if isinstance(found, _Target):
                    targets[split].append(found)
                else:
                    count, example = self.left_out[split].get(found, (0, f"annotation {item.id}"))
                    self.left_out[split][found] = count + 1, example
        return targets

    def passed_over(self, split: str) -> dict[str, tuple[int, str]]:
        """Reason -> (objects that are no targets for it, one of them)."""
        self.records(split)
        return self.left_out[split]

    def _read(self, split: str, instances: Instances) -> Iterator[tuple[Annotation, str, "_Target | str"]]:
        """Each object with its photograph, and its target or the reason why it is none."""
        nouns = {number: noun_of(name) for number, name in instances.categories.items()}
        photographs: dict[Any, str] = {}
        objects = defaultdict(list)  # by photograph: one may have several ids
        for item in instances.annotations.values():
            if item.image_id not in photographs:
                photographs[item.image_id] = self._image_id(split, instances, item.image_id)
            objects[photographs[item.image_id]].append(item)
        firsts = {photograph: _firsts(items) for photograph, items in objects.items()}
        for item in instances.annotations.values():
            photograph = photographs[item.image_id]
            first = firsts[photograph][item.geometry()]
            if first is item:
                rivals = [each for each in firsts[photograph].values() if each is not item]
                yield item, photograph, self._target(split, instances, item, rivals, nouns, photograph)
            else:
                yield item, photograph, "duplicate"

    def _target(
        self,
        split: str,
        instances: Instances,
        item: Annotation,
        others: list[Annotation],
        nouns: dict[Any, str],
        photograph: str,
    ) -> "_Target | str":
        """An object beside the `others` of its photograph, or the reason why it is no target."""
        photo, noun = instances.photos.get(item.image_id), nouns.get(item.category_id or 0)

        def bad(reason: str, detail: str) -> _Target:
            return _Target(item, photograph, (noun or "object",), (reason, f"annotation {item.id}{detail}"))

        if item.problem is not None:
            return bad("bad_annotation", f": {item.problem}")
        if photo is None or noun is None:
            lacking = f"image {item.image_id} is" if photo is None else f"category {item.category_id} or its name is"
            return bad("bad_annotation", f": {lacking} not in the file")
        if item.id in instances.twice:
            return bad("duplicate_id", " occurs twice")
        if item.is_crowd and self.crowds == "drop":
            return "crowd"
        box = item.box_px()
        if (
            box is None
            and item.bbox is None
            and item.segmentation is not None
            and not isinstance(item.segmentation, dict)
        ):
            return bad("bad_annotation", ": its segmentation encloses nothing")
        if box is None and item.bbox is not None:
            return bad("bad_annotation", ": its bbox is no box with an area")
        if box is not None and max(box) <= 1:
            return bad("normalised", f": bbox {list(item.bbox or box)} lies within 0..1; px are expected")
        if box is not None and (box[2] - box[0]) * (box[3] - box[1]) < self.min_area:
            return "too_small"
        rivals = [each for each in others if may_mean(noun, nouns.get(each.category_id or 0, ""))]
        width = photo.width or self._width(split, photo)
        found = phrases(item, rivals, noun, width, self.expressions, crowds=self.crowds == "keep")
        return _Target(item, photograph, found, None) if found else "ambiguous"

    def _width(self, split: str, photo: Photo) -> int:
        """Of the file itself, where the annotations do not say; 0 where it cannot be read, which is found later."""
        try:
            return read_image(self._path(split, photo), decode=False).width
        except BadRow:
            return 0

    def _path(self, split: str, photo: Photo) -> str:
        return self._files(split).find(photo.file_name)

    def _files(self, split: str) -> ImageFiles:
        folder = self._photos(split)
        if folder not in self._found_files:
            self._found_files[folder] = ImageFiles(folder)
        return self._found_files[folder]

    @cached_property
    def _found_files(self) -> dict[Path, ImageFiles]:
        return {}

    def way_out(self, reason: str) -> str:
        """How objects that are left out for a reason could be used; "" where they cannot."""
        ways = {
            "crowd": "dataset.source.crowds=keep takes them for objects",
            "too_small": "dataset.source.min_area=0 keeps them",
            "ambiguous": "only expressions that mean one object are made",
        }
        return ways.get(reason, "")

    def notes(self) -> list[str]:
        """What was done to the files as a whole."""
        found = [f"{path}: {note}" for path, each in self._instances.items() for note in each.notes]
        found += [
            f"{path}: sizes are those of pixels as stored, outlines those of the photograph as it is shown "
            f"(see {photo.file_name}): photographs with an EXIF rotation are turned"
            for path, photo in self._upright_files.items()
            if photo is not None
        ]
        return found + [note for each in self._found_files.values() if (note := each.note())]

    def _image_id(self, split: str, instances: Instances, number: Any) -> str:
        """By its path below the folder that all splits' folders of images lie in.

        A file named as one of COCO's own is none where its number is not the image's id.
        """
        photo = instances.photos.get(number)
        folders = [str(self._photos(each)) for each in self.splits]
        path = self._path(split, photo) if photo else str(self._photos(split))
        path = os.path.relpath(path, os.path.commonpath(folders))
        found = image_id(path, self.photographs or self.name)
        is_cocos = found.removeprefix("coco/").lstrip("0") == str(number).lstrip("0")
        return found if is_cocos or not found.startswith("coco/") else image_id(path, self.name)

    def _is_upright(self, split: str) -> bool:
        """Whether sizes in a split's file are those of pixels as stored, its outlines those of photographs as shown."""
        path = self._file(split)
        if path not in self._upright_files:
            found = next(
                (photo for photo in self._instances[path].overhanging() if self._is_sideways(split, photo)), None
            )
            self._upright_files[path] = found
        return self._upright_files[path] is not None

    def _is_sideways(self, split: str, photo: Photo) -> bool:
        try:
            facts = read_image(self._path(split, photo), (photo.height, photo.width), decode=False)
        except BadRow:
            return False
        return "unrotated" in facts.notes

    @cached_property
    def _upright_files(self) -> dict[Path, Photo | None]:
        """By annotation file, a photograph that shows it."""
        return {}

    def _share_of(self, photograph: str, shares: dict[str, float]) -> str:
        digest = hashlib.blake2b(f"{self.seed}/{photograph}".encode(), digest_size=8).digest()
        ends = list(accumulate(shares.values()))
        place = int.from_bytes(digest, "big") / 2**64 * ends[-1]
        return next(split for split, end in zip(shares, ends, strict=True) if place < end)

    def _record(self, split: str, target: _Target) -> Record:
        file_split = self.splits[0] if self.shares else split
        item, instances = target.annotation, self._instances[self._file(file_split)]
        photo = instances.photos.get(item.image_id)
        return Record(
            source=self.name,
            split=split,
            image=self._path(split, photo) if photo else str(self._photos(split)),
            image_id=target.photograph,
            ann_id=str(item.id),
            height=photo.height if photo else 0,
            width=photo.width if photo else 0,
            segmentations=item.segmentations(),
            box_px=item.box_px(),
            expressions=target.expressions,
            problem=target.problem,
            source_image_id=photo.id if photo else item.image_id,
            category_id=instances.category_ids.get(item.category_id or 0),
            category=instances.categories.get(item.category_id or 0),
            area_px=item.area,
            is_upright=self._is_upright(file_split),
        )
