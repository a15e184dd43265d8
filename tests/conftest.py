"""Fixtures of every test: where the repository lies, where shared data lies, and a small folder of REFER datasets."""

import json
import os
import pickle
import signal
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

import cv2
import pytest
from hypothesis import settings

from data.expressions import attributes
from data.shapes import Shapes
from polygon import rle_encode

# The same examples in every run, and no deadline: a test beside a training run on two cores may take its time.
settings.register_profile("simpleseg", derandomize=True, deadline=None)
settings.load_profile("simpleseg")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The repository's root folder."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared(repo_root: Path) -> Path:
    """The shared folder, real COCO instances in it: SIMPLESEG_SHARED, else the repository's sibling `shared`."""
    folder = Path(os.environ.get("SIMPLESEG_SHARED", repo_root.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}: name its folder in SIMPLESEG_SHARED")
    return folder


class Python2Pickler(pickle._Pickler):
    """Writes text as Python 2 wrote its `str`: bytes without an encoding, which is how REFER's files hold it."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytestring(self, text: str) -> None:
        encoded = text.encode("utf-8")
        if self.proto == 0:
            self.write(pickle.STRING + repr(encoded)[1:].encode("ascii") + b"\n")
        elif len(encoded) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(encoded)]) + encoded)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(encoded)) + encoded)
        self.memoize(text)

    dispatch[str] = save_bytestring


@pytest.fixture(scope="session")
def python2_pickler() -> type[pickle._Pickler]:
    """`python2_pickler(file, protocol).dump(value)`, protocol 0 or 2."""
    return Python2Pickler


def _split(number: int) -> str:
    return ("train", "train", "testB", "train", "val", "testA", "train", "train")[number % 8]


def _objects(number: int, photo_id: int) -> list[tuple[dict, list[str]]]:
    """(annotation, expressions) of every object of a scene that has a name; outlines go through pixel centres."""
    found = []
    scene = Shapes(objects=(2, 3), distinct=True).scene("train", number)
    for index, item in enumerate(scene.objects):
        contours, _ = cv2.findContours(item.mask_HW.astype("uint8"), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        rings = [(ring.reshape(-1) + 0.5).tolist() for ring in contours if len(ring) >= 3]
        x, y, width, height = cv2.boundingRect(item.mask_HW.astype("uint8"))
        annotation = {"id": 10 * photo_id + index, "image_id": photo_id, "category_id": 1, "iscrowd": 0}
        annotation |= {"segmentation": rings, "bbox": [x, y, width, height], "area": item.area_px}
        if expressions := attributes(scene.objects, index):
            found.append((annotation | {"rle": rle_encode(item.mask_HW)}, expressions))
    return found


def _ref(number: int, split: str, file_name: str, ann_id: int | list[int], said: list[str], photo_id: int) -> dict:
    sentences = [
        {"tokens": text.split(), "raw": text.upper(), "sent_id": 100 * number + k, "sent": text}
        for k, text in enumerate(said)
    ]
    ids = {"ref_id": number, "ann_id": ann_id, "image_id": photo_id, "category_id": 1}
    sent_ids = [sentence["sent_id"] for sentence in sentences]
    return {**ids, "split": split, "file_name": file_name, "sentences": sentences, "sent_ids": sent_ids}


def _write(folder: Path, refs_name: str, refs: list[dict], photos: list[dict], annotations: list[dict]) -> None:
    folder.mkdir(parents=True)
    file = folder / refs_name
    if file.suffix == ".json":
        file.write_text(json.dumps(refs))
    else:
        with file.open("wb") as stream:
            Python2Pickler(stream, 0 if folder.name == "refcoco" else 2).dump(refs)
    kept = [{key: value for key, value in item.items() if key != "rle"} for item in annotations]
    content = {"images": photos, "annotations": kept, "categories": [{"id": 1, "name": "shape"}]}
    (folder / "instances.json").write_text(json.dumps(content))


@pytest.fixture(scope="session")
def build_refer_folder() -> Callable[..., Path]:
    """`build_refer_folder(path, scenes=24)` makes all of REFER's datasets and gRefCOCO there, small, and returns path.

    The photographs are JPEGs of synthetic scenes under COCO's and SAIAPR's names, the expressions true of them.
    RefCOCOg divides the same photographs otherwise, so that its val shares some with RefCOCO's train.
    """

    def build(root: Path, scenes: int = 24) -> Path:
        coco, saiapr = root / "images/mscoco/images/train2014", root / "images/saiapr_tc-12"
        coco.mkdir(parents=True)
        saiapr.mkdir(parents=True)
        names = ("refcoco", "refcoco+", "refcocog", "refclef", "grefcoco")
        refs: dict[str, list[dict]] = {name: [] for name in names}
        photos: dict[str, list[dict]] = {"coco": [], "saiapr": []}
        annotations: dict[str, list[dict]] = {"coco": [], "saiapr": []}
        for number in range(scenes):
            of_saiapr = number % 4 == 3
            photo_id = 700 + number
            file_name = f"{photo_id}.jpg" if of_saiapr else f"COCO_train2014_{photo_id:012d}.jpg"
            scene = Shapes(objects=(2, 3), distinct=True).scene("train", number)
            bgr_HW3 = cv2.cvtColor(scene.image_HW3, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str((saiapr if of_saiapr else coco) / file_name), bgr_HW3)
            kind = "saiapr" if of_saiapr else "coco"
            photos[kind].append({"id": photo_id, "file_name": file_name, "height": 128, "width": 128})
            objects = _objects(number, photo_id)
            for annotation, said in objects:
                of = (annotation["id"], said, photo_id)
                if of_saiapr:
                    annotation["segmentation"] = [annotation["rle"]]
                    refs["refclef"].append(_ref(annotation["id"], _split(number // 4), file_name, *of))
                else:
                    for name in ("refcoco", "refcoco+"):
                        refs[name].append(_ref(annotation["id"], _split(number), file_name, *of))
                    umd = ("val", "train", "test")[number % 3]
                    refs["refcocog"].append(_ref(annotation["id"], umd, file_name, *of))
                annotations[kind].append(annotation)
            if not of_saiapr:
                for ref_id, ann_ids, text in (
                    (10 * number, [annotation["id"] for annotation, _ in objects], "every named object"),
                    (10 * number + 1, [-1], "the grey elephant"),
                ):
                    refs["grefcoco"].append(_ref(ref_id, _split(number), file_name, ann_ids, [text], photo_id))
        files = {"refcocog": "refs(umd).p", "grefcoco": "grefs(unc).json"}
        for name in names:
            kind = "saiapr" if name == "refclef" else "coco"
            _write(root / name, files.get(name, "refs(unc).p"), refs[name], photos[kind], annotations[kind])
        return root

    return build


@pytest.fixture(scope="session")
def refer_folder(build_refer_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of REFER datasets as `build_refer_folder` makes it, once for all tests: not to be written to."""
    return build_refer_folder(tmp_path_factory.mktemp("refer"))


@pytest.fixture(scope="session")
def interruptible() -> dict:
    """Options of a `Popen` whose child can be interrupted: a shell starts its background jobs with SIGINT ignored."""
    return {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}
