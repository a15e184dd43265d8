"""`ReferBoxes`: RefCLEF as text with boxes and no masks, for the box task.

Why: the ReferIt game's expressions are passed around in this form (github.com/ronghanghu/text_objseg); without SAIAPR's
segmentations they still teach and measure text -> box.
How: `dataset=refclef_boxes task=text2box task@rl_task=text2box dataset.source.root=FOLDER`, FOLDER holding

    referit_query_{train,val,test}.json   {"38685_1": ["expression", ...]}: photograph 38685, its object 1
    referit_bbox.json                     {"38685_1": [x0, y0, x1, y1]}, pixels, the last ones inside the box
    referit_imsize.json                   {"38685.jpg": [width, height]}
    images/saiapr_tc-12/*.jpg
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from data.lazy_records import LazyRecords
from data.photo_folder import PhotoFolder
from data.record import Record, image_id
from data.record_source import RecordSource
from polygon import UserError

_SPLITS = ("train", "val", "test")


@dataclass(kw_only=True)
class ReferBoxes(RecordSource):
    """`root` holds the json files, and the photographs unless `images` names their folder."""

    layout: ClassVar[str] = (
        "name the folder that holds referit_query_{train,val,test}.json, referit_bbox.json, referit_imsize.json and "
        "the photographs in images/saiapr_tc-12/"
    )
    root: str
    images: str | None = None

    def __post_init__(self) -> None:
        """Raises UserError naming what is missing, and the layout."""
        names = ("referit_bbox.json", "referit_imsize.json")
        missing = [str(path) for name in names if not (path := Path(self.root) / name).is_file()]
        if not self.splits:
            missing.append(str(Path(self.root) / "referit_query_train.json"))
        if missing:
            raise UserError(f"{' and '.join(missing)} missing; dataset.source.root: {self.layout}")
        self._folders  # noqa: B018 - looked for now, before anything is read

    @cached_property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in _SPLITS if (Path(self.root) / f"referit_query_{split}.json").is_file())

    def records(self, split: str) -> Sequence[Record]:
        self._boxes, self._sizes, self._photos  # noqa: B018 - read before the caller divides the work
        return LazyRecords(self._queries[split], partial(self._record, split))

    def expression_counts(self, split: str) -> Sequence[int]:
        return [len(expressions) for _, expressions in self._queries[split]]

    @cached_property
    def _folders(self) -> list[Path]:
        return PhotoFolder.candidates(self.root, self.images, "saiapr")

    @cached_property
    def _queries(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """Split -> (object, expressions)."""
        by_split = {split: self._read(f"referit_query_{split}.json") for split in self.splits}
        return {
            split: [(key, tuple(text for text in map(str.strip, texts) if text)) for key, texts in queries.items()]
            for split, queries in by_split.items()
        }

    @cached_property
    def _boxes(self) -> dict[str, Any]:
        return self._read("referit_bbox.json")

    @cached_property
    def _sizes(self) -> dict[str, Any]:
        return self._read("referit_imsize.json")

    @cached_property
    def _photos(self) -> PhotoFolder:
        return PhotoFolder.find(self._folders, next(iter(self._sizes), ""))

    def _read(self, name: str) -> dict[str, list]:
        path = Path(self.root) / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no whole JSON file ({error}); fetch it anew") from error
        if not isinstance(content, dict) or not all(isinstance(value, list) for value in content.values()):
            raise UserError(f"{path} is no JSON object of lists; dataset.source.root: {self.layout}")
        return content

    def _record(self, split: str, query: tuple[str, tuple[str, ...]]) -> Record:
        key, expressions = query
        file_name = f"{key.partition('_')[0]}.jpg"
        box, size = self._boxes.get(key), self._sizes.get(file_name)
        problem = None
        if box is None or size is None:
            lacking = "referit_bbox.json" if box is None else "referit_imsize.json"
            problem = ("bad_annotation", f"{self.name} {split} {key} is not in {lacking}")
        elif len(box) != 4 or len(size) != 2:
            problem = ("bad_annotation", f"{self.name} {split} {key}: box {box}, image size {size}")
        width, height = size if size and not problem else (0, 0)
        return Record(
            source=self.name,
            split=split,
            image=self._photos.file(file_name),
            image_id=image_id(file_name, "saiapr"),
            ann_id=key,
            height=height,
            width=width,
            segmentations=(),
            box_px=(box[0], box[1], box[2] + 1, box[3] + 1) if box and not problem else None,
            expressions=expressions,
            problem=problem,
        )
