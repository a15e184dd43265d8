"""COCO's average precision of a detector's results: of masks, boxes, or boundaries (Boundary AP, Cheng et al. 2021).

    python -m evaluation.average_precision results=results.json annotations=instances.json
    python -m evaluation.average_precision results=results.json annotations=instances.json iou_type=boundary

The numbers are faster-coco-eval's; those of masks and boxes equal pycocotools'. Rows that cannot be read are left out
and counted, and so are rows about images that the annotations do not have.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster, mask
from omegaconf import DictConfig

from conf import command
from data.coco_instances import Annotation, Instances, Photo
from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_results import Detection, read_detections
from evaluation.report.table import format_definitions
from polygon import UserError, rle_encode, segmentation_mask
from polygon.output import write_whole

IouType = Literal["segm", "bbox", "boundary"]
Images = Literal["all", "answered"]
COLUMNS = {
    "AP": "AP_all",
    "AP50": "AP_50",
    "AP75": "AP_75",
    "AP small": "AP_small",
    "AP medium": "AP_medium",
    "AP large": "AP_large",
    "AR, 1 a category": "AR_all",
    "AR, 10 a category": "AR_second",
    "AR, 100 a category": "AR_third",
    "AR small": "AR_small",
    "AR medium": "AR_medium",
    "AR large": "AR_large",
}
"""Our name of each figure, and the library's."""


def average_precision(
    detections: Iterable[Detection], annotations: str | Path, iou_type: IouType, images: Images, bad: BadRows
) -> dict[str, float]:
    """The figures of COLUMNS in [0, 1], -1 where there is no object to find, and `images` counted.

    images: "all" of the annotations, as COCO's own evaluation, or those "answered" by at least one detection.
    Raises UserError for annotations that are no COCO instances file, and where no detection is about its images.
    """
    truth = _read(annotations, iou_type, bad)
    images_by_name = {str(image["id"]): image for image in truth.dataset["images"]}  # results may write 17 as "17"
    categories = {str(category["id"]): category["id"] for category in truth.dataset.get("categories", ())}
    detections, rows = list(detections), []
    as_boxes = iou_type == "bbox" and any(detection.bbox is not None for detection in detections)
    for detection in detections:
        if (image := images_by_name.get(str(detection.image_id))) is None:
            bad.add("unknown_image", f"row {detection.number}: no image {detection.image_id!r}")
            continue
        if categories and str(detection.category_id) not in categories:
            bad.add("unknown_category", f"row {detection.number}: no category {detection.category_id!r}")
            continue
        ids = {
            "image_id": image["id"],
            "category_id": categories.get(str(detection.category_id), detection.category_id),
        }
        try:
            rows.append(ids | _row(detection, as_boxes, (image["height"], image["width"])))
        except UserError as error:
            bad.add("bad_mask", f"row {detection.number}: {error}")
    if not rows:
        raise bad.refuse(f"no result is about an image of {annotations}", "give the annotations the results are for")
    evaluation = COCOeval_faster(truth, truth.loadRes(rows), iou_type, print_function=lambda *_: None)
    if images == "answered":
        evaluation.params.imgIds = sorted({row["image_id"] for row in rows})
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    figures = evaluation.stats_as_dict
    return {"images": len(evaluation.params.imgIds)} | {name: float(figures[key]) for name, key in COLUMNS.items()}


def _read(annotations: str | Path, iou_type: IouType, bad: BadRows) -> COCO:
    """The annotations as the library takes them; what cannot be used is counted in `bad`."""
    found = Instances.read(Path(annotations))
    images = [{"id": number, "height": photo.height, "width": photo.width} for number, photo in found.photos.items()]
    rows = []
    for item in found.annotations.values():
        photo = found.photos.get(item.image_id)
        try:
            if item.problem or photo is None or item.category_id is None:
                raise UserError(item.problem or f"no image {item.image_id}, or no category")
            rows.append(_truth(item, photo, iou_type) | {"id": len(rows) + 1})  # 0 counts as never found
        except UserError as error:
            bad.add("bad_annotation", f"annotation {item.id}: {error}")
    if not rows:
        raise bad.refuse(f"annotations={annotations} has no object to find", "give a COCO instances file")
    return COCO({"images": images, "annotations": rows, "categories": [{"id": each} for each in found.categories]})


def _truth(item: Annotation, photo: Photo, iou_type: IouType) -> dict:
    """Raises UserError for what is neither a mask nor, with boxes, a box."""
    ids = {"image_id": item.image_id, "category_id": item.category_id, "iscrowd": int(item.is_crowd)}
    parts = item.segmentations()
    if parts and photo.height and photo.width:
        masks = [segmentation_mask(part, photo.height, photo.width) for part in parts]
        rle = rle_encode(np.logical_or.reduce(masks))
        box = list(item.bbox) if item.bbox else mask.toBbox(rle).tolist()
        return ids | {"segmentation": rle, "bbox": box, "area": item.area or float(mask.area(rle))}
    if iou_type == "bbox" and item.bbox is not None:
        return ids | {"bbox": list(item.bbox), "area": item.area or item.bbox[2] * item.bbox[3]}
    raise UserError(f"neither a mask nor the size of image {item.image_id}" if parts else "no mask")


def _row(detection: Detection, as_box: bool, size: tuple[int, int]) -> dict:
    """The row as the library takes it, which makes a box of a mask itself where no row has one.

    It then takes the mask's area for that of the detection, as pycocotools does. Raises UserError for a damaged mask.
    """
    row: dict = {"score": detection.score}
    if as_box and detection.bbox is not None:
        return row | {"bbox": list(detection.bbox)}
    if detection.segmentation is None:
        raise UserError("a box without a mask; score it with iou_type=bbox")
    rle = rle_encode(segmentation_mask(detection.segmentation, *size))
    return row | ({"bbox": mask.toBbox(rle).tolist()} if as_box else {"segmentation": rle})


@command("average_precision")
def main(cfg: DictConfig) -> None:
    for name in ("results", "annotations"):
        if cfg[name] is None:
            raise UserError(f"name a COCO file: {name}=FILE.json")
    for name, choices in (("iou_type", get_args(IouType)), ("images", get_args(Images))):
        if cfg[name] not in choices:
            raise UserError(f"{name} is {cfg[name]!r}; it can be {', '.join(choices)}")
    if not Path(cfg.results).is_file():
        raise UserError(f"no results file {cfg.results}")
    bad = BadRows()
    figures = average_precision(read_detections(Path(cfg.results), bad), cfg.annotations, cfg.iou_type, cfg.images, bad)
    source = {name: cfg[name] for name in ("results", "annotations", "iou_type", "images")} | {"rows": bad.in_words()}
    shown = {name: f"{value:.3f}" for name, value in figures.items() if name != "images"}
    print(format_definitions({**source, "images": f"{cfg.images}, {figures['images']}", **shown}))
    if cfg.output is not None:
        write_whole(cfg.output, json.dumps({**source, "figures": figures}, indent=2).encode() + b"\n")
        print(f"\nwritten to {cfg.output}")


if __name__ == "__main__":
    main()
