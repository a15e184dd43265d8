"""`Refer`: RefCOCO, RefCOCO+, RefCOCOg, RefCLEF and gRefCOCO from the folders their authors publish.

Why: every paper of the field reads these files; here they are read once, checked, and without running what is in them
(`refer_pickle.py`).
How: `dataset=refcoco dataset.source.root=FOLDER`, FOLDER laid out as github.com/lichengunc/refer describes:

    refcoco/refs(unc).p and refcoco/instances.json; likewise refcoco+, refcocog, refclef; grefcoco with grefs(unc).json
    images/mscoco/images/train2014/*.jpg; for refclef images/saiapr_tc-12/*.jpg

Several objects (gRefCOCO) are one target; of those, crowd regions are left out, as in the authors' own evaluation.
A single crowd region that somebody described stays a target: its run lengths say exactly what was meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar

from data.coco_instances import Annotation, Instances, Photo
from data.lazy_records import LazyRecords
from data.photo_folder import CANDIDATES, PhotoFolder
from data.record import Record, image_id
from data.record_source import RecordSource
from data.refer_ref import Ref, read_refs
from polygon import UserError

_ORDER = ("train", "val")  # then the tests, by name


@dataclass(kw_only=True)
class Refer(RecordSource):
    """One folder of references.

    `root` holds the folder `dataset`; of its references `split_by` chooses one division into splits (unc, google, umd,
    berkeley), or `refs` names a file.  `photographs` is mscoco or saiapr; `images` names their folder where it is none
    of `photo_folder.CANDIDATES`.
    """

    layout: ClassVar[str] = (
        "name the folder that holds DATASET/refs(SPLIT_BY).p (or grefs(SPLIT_BY).json), DATASET/instances.json and the "
        "photographs in images/, DATASET being refcoco, refcoco+, refcocog, refclef or grefcoco"
    )
    root: str
    dataset: str
    split_by: str
    refs: str | None = None
    photographs: str = "mscoco"
    images: str | None = None

    def __post_init__(self) -> None:
        """Raises UserError naming the files that are missing, and the layout."""
        if self.photographs not in CANDIDATES:
            raise UserError(f"dataset.source.photographs: {self.photographs!r} is unknown; known: mscoco, saiapr")
        if not self._instances_file.is_file():
            raise UserError(f"{self._instances_file} is missing; dataset.source.root: {self.layout}")
        PhotoFolder.candidates(self.root, self.images, self.photographs)
        self._refs_file  # noqa: B018 - looked for now, before anything is read

    @cached_property
    def splits(self) -> tuple[str, ...]:
        names = {split for ref in self._refs for split in ref.splits}
        return tuple(sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)))

    def records(self, split: str) -> Sequence[Record]:
        self._instances, self._photos  # noqa: B018 - read before the caller divides the work between processes
        return LazyRecords(self._by_split[split], partial(self._record, split))

    def expression_counts(self, split: str) -> Sequence[int]:
        return [len(ref.expressions) for ref in self._by_split[split]]

    @cached_property
    def _instances_file(self) -> Path:
        return Path(self.root) / self.dataset / "instances.json"

    @cached_property
    def _refs_file(self) -> Path:
        kinds = ("refs({}).p", "grefs({}).json", "refs({}).json", "grefs({}).p")
        names = [self.refs] if self.refs else [kind.format(self.split_by) for kind in kinds]
        files = [self._instances_file.with_name(name) for name in names]
        for file in files:
            if file.is_file():
                return file
        there = sorted(file.name for file in self._instances_file.parent.glob("*refs(*"))
        raise UserError(f"{files[0]} is missing; {files[0].parent} has {', '.join(there) or 'no other'}: {self.layout}")

    @cached_property
    def _refs(self) -> list[Ref]:
        return read_refs(self._refs_file)

    @cached_property
    def _by_split(self) -> dict[str, list[Ref]]:
        return {name: [ref for ref in self._refs if name in ref.splits] for name in self.splits}

    @cached_property
    def _instances(self) -> Instances:
        return Instances.read(self._instances_file, wanted={ann_id for ref in self._refs for ann_id in ref.ann_ids})

    @cached_property
    def _photos(self) -> PhotoFolder:
        example = next(iter(self._instances.photos.values()), Photo(0, "", 0, 0)).file_name
        return PhotoFolder.find(PhotoFolder.candidates(self.root, self.images, self.photographs), example)

    def _record(self, split: str, ref: Ref) -> Record:
        photo = self._instances.photos.get(ref.image_id)
        found = [self._instances.annotations[ann_id] for ann_id in ref.ann_ids if ann_id in self._instances.annotations]
        objects = [item for item in found if not item.is_crowd] if len(found) > 1 else found
        boxes = [box for item in objects if (box := item.box_px())]
        file_name = photo.file_name if photo else ""
        return Record(
            source=self.name,
            split=split,
            image=self._photos.file(file_name),
            image_id=image_id(file_name, self.photographs),
            ann_id="+".join(map(str, ref.ann_ids)) or "none",
            height=photo.height if photo else 0,
            width=photo.width if photo else 0,
            segmentations=tuple(part for item in objects for part in item.segmentations()),
            box_px=_around(boxes) if boxes else None,
            expressions=ref.expressions,
            n_objects=len(objects),
            problem=ref.problem or self._problem(ref, photo, found, objects),
            source_image_id=photo.id if photo else ref.image_id,
            category_id=objects[0].category_id if len(objects) == 1 else None,
            area_px=objects[0].area if len(objects) == 1 else None,
            category=self._instances.categories.get(objects[0].category_id or 0) if len(objects) == 1 else None,
        )

    def _problem(
        self, ref: Ref, photo: Photo | None, found: list[Annotation], objects: list[Annotation]
    ) -> tuple[str, str] | None:
        """What is wrong between the files."""
        where = f"{self._refs_file.name}: ref {ref.ref_id}"
        missing = set(ref.ann_ids) - {item.id for item in found}
        elsewhere = [item.id for item in found if item.image_id != ref.image_id]
        twice = self._instances.twice.intersection(ref.ann_ids)
        if photo is None:
            return "bad_annotation", f"{where}: image {ref.image_id} is not in instances.json"
        if missing:
            return "bad_annotation", f"{where}: annotation {missing.pop()} is not in instances.json"
        if elsewhere:
            return "bad_annotation", f"{where}: annotation {elsewhere[0]} is of another image"
        if twice:
            return "duplicate_id", f"annotation {twice.pop()} occurs twice in instances.json"
        if broken := [item for item in objects if item.problem]:
            return "bad_annotation", f"annotation {broken[0].id}: {broken[0].problem}"
        if found and not objects:
            return "crowd", f"{where}: all of its objects are crowd regions"
        return None


def _around(boxes: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)
