"""Average precision through our readers: the figures of pycocotools and of the boundary formula, on the same files."""

import contextlib
import copy
import io
import json

import cv2
import numpy as np
import pytest
from faster_coco_eval.core import mask as library
from pycocotools import mask as coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.average_precision import COLUMNS, average_precision, main
from evaluation.inputs.bad_rows import BadRows
from evaluation.inputs.coco_results import read_detections
from polygon import UserError, rle_decode, segmentation_mask


@pytest.fixture(scope="module")
def files(shared, tmp_path_factory):
    """cocoapi's example results, and the annotations of 43 of their 99 images and of one more."""
    results = shared / "data/ref_text/cocoapi_results/instances_val2014_fakesegm100_results.json"
    annotations = shared / "data/coco_dev/instances.json"
    for file in (results, annotations):
        if not file.is_file():
            pytest.skip(f"no {file}: the figures are those of cocoapi's example results")
    content = json.loads(annotations.read_text())
    answered = {row["image_id"] for row in json.loads(results.read_text())}
    other = next(image["id"] for image in content["images"] if image["id"] not in answered)
    for name, key in (("images", "id"), ("annotations", "image_id")):  # a fifth of the file, to be quick
        content[name] = [row for row in content[name] if row[key] in answered | {other}]
    few = tmp_path_factory.mktemp("coco") / "instances.json"
    few.write_text(json.dumps(content))
    return results, few


def ours(files, iou_type, images="answered"):
    results, annotations = files
    return average_precision(read_detections(results, BadRows()), annotations, iou_type, images, BadRows())


def theirs(files, iou_type, ious=None):
    """pycocotools on the same rows; `ious(gt, dt)` instead of its own IoU matrix, if given."""
    results, annotations = files
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        rows = [row for row in json.loads(results.read_text()) if row["image_id"] in truth.imgs]
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(rows)), iou_type)
        evaluation.params.imgIds = sorted({row["image_id"] for row in rows})
        if ious:
            compute = evaluation.computeIoU
            evaluation.computeIoU = lambda image, category: ious(evaluation, compute, image, category)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(COLUMNS, evaluation.stats.tolist(), strict=True))


@pytest.mark.parametrize("iou_type", ["segm", "bbox"])
def test_cocoapis_example_scores_what_pycocotools_gives(files, iou_type):
    figures = ours(files, iou_type)
    assert figures.pop("images") == 43
    assert figures == pytest.approx(theirs(files, iou_type), abs=1e-12)
    if iou_type == "segm":
        assert (round(figures["AP"], 3), round(figures["AP50"], 3)) == (0.363, 0.606)


def band(rle):
    """Boundary of a mask as the paper's own code has it (bowenc0221/boundary-iou-api): 2 % of the diagonal."""
    mask_HW = rle_decode(rle).astype(np.uint8)
    height, width = mask_HW.shape
    padded = cv2.copyMakeBorder(mask_HW, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    iterations = max(1, round(0.02 * np.sqrt(height**2 + width**2)))
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=iterations)[1:-1, 1:-1]
    return coco.encode(np.asfortranarray(mask_HW - eroded))


def boundary_ious(evaluation, compute, image, category):
    """The smaller of mask IoU and Boundary IoU; against a crowd, mask IoU alone."""
    ious_DG = compute(image, category)
    if not len(ious_DG):
        return ious_DG
    truths = evaluation._gts[image, category]
    detections = sorted(evaluation._dts[image, category], key=lambda d: -d["score"])[: evaluation.params.maxDets[-1]]
    crowd = np.array([row["iscrowd"] for row in truths], dtype=bool)
    bounded_DG = ious_DG.copy()
    touching = [np.flatnonzero(ious_DG.any(axis=axis)) for axis in (1, 0)]  # of the others it is 0 as it is
    if len(touching[0]):
        chosen = [[rows[k] for k in some] for rows, some in zip((detections, truths), touching, strict=True)]
        bands = [[band(evaluation.cocoGt.annToRLE(row)) for row in rows] for rows in chosen]
        bounded_DG[np.ix_(*touching)] = coco.iou(*bands, [0] * len(touching[1]))
    bounded_DG = np.minimum(ious_DG, bounded_DG)
    return np.where(crowd, ious_DG, bounded_DG)


def test_boundary_ap_is_pycocotools_with_boundary_iou(files):
    figures = ours(files, "boundary")
    figures.pop("images")
    assert figures == pytest.approx(theirs(files, "segm", boundary_ious), abs=1e-12)


@pytest.fixture
def small(tmp_path):
    """Two squares in one image, one of them found as a polygon, and an image of which nothing is said.

    A further row is about an image that is not there, another says nothing.
    """
    squares = [[10, 10, 50, 10, 50, 50, 10, 50], [60, 60, 90, 60, 90, 90, 60, 90]]
    rows = [{"image_id": 7, "category_id": 1, "iscrowd": 0, "segmentation": [ring]} for ring in squares]
    rows.append(rows[0] | {"image_id": 5})
    boxes = [[10, 10, 40, 40], [60, 60, 30, 30], [10, 10, 40, 40]]
    annotations = [
        row | {"id": i, "bbox": box, "area": box[2] ** 2} for i, (row, box) in enumerate(zip(rows, boxes, strict=True))
    ]
    images = [{"id": number, "height": 100, "width": 100} for number in (5, 7)]
    content = {"images": images, "annotations": annotations}
    (tmp_path / "truth.json").write_text(json.dumps(content | {"categories": [{"id": 1, "name": "square"}]}))
    results = [rows[0] | {"score": 0.9}, rows[0] | {"image_id": 8, "score": 0.5}, {"image_id": 7}]
    (tmp_path / "results.json").write_text(json.dumps(results))
    return tmp_path / "results.json", tmp_path / "truth.json"


@pytest.mark.parametrize("iou_type", ["segm", "bbox", "boundary"])
@pytest.mark.parametrize(("images", "points", "found"), [("answered", 51, 1 / 2), ("all", 34, 1 / 3)])
def test_one_of_two_or_three_found(small, iou_type, images, points, found):
    bad = BadRows()
    figures = average_precision(read_detections(small[0], bad), small[1], iou_type, images, bad)
    assert figures["AP"] == pytest.approx(points / 101)  # of COCO's 101 recall points, those up to `found`
    assert figures["AP small"] == 0.0
    assert figures["AR, 100 a category"] == pytest.approx(found)
    assert figures["images"] == (1 if images == "answered" else 2)
    assert dict(bad.counts) == {"unknown_image": 1, "bad_row": 1}


def test_the_library_and_the_paper_agree_on_a_boundary():
    mask_HW = np.zeros((90, 120), bool)
    mask_HW[5:60, 20:120] = True
    ring = [20, 5, 120, 5, 120, 60, 20, 60]
    assert np.array_equal(segmentation_mask([ring], 90, 120), mask_HW)
    rle = coco.encode(np.asfortranarray(mask_HW, np.uint8))
    assert library.rleToBoundary(rle)["counts"] == band(rle)["counts"]


def test_the_command_prints_and_writes(small, ended, tmp_path):
    output = tmp_path / "ap.json"
    files = (f"results={small[0]}", f"annotations={small[1]}", f"output={output}")
    done = ended(main, "average_precision", *files)
    assert (done.code, done.err) == (0, "")
    assert "2 rows left out" in done.out
    assert json.loads(output.read_text())["figures"]["AP"] == pytest.approx(34 / 101)


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (["annotations=null"], "name a COCO file: annotations=FILE.json"),
        (["iou_type=mask"], "iou_type is 'mask'; it can be segm, bbox, boundary"),
        (["images=some"], "images is 'some'"),
        (["results=none.json"], "no results file none.json"),
        ([f"annotations={__file__}"], f"{__file__} is no whole JSON file"),
        (["annotations=none.json"], "cannot read none.json"),
    ],
)
def test_bad_input_is_one_line(small, ended, overrides, fault):
    done = ended(main, "average_precision", f"results={small[0]}", f"annotations={small[1]}", *overrides)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("error: ")
    assert fault in done.err


def test_results_of_other_images_are_refused(small, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{"image_id": 9, "category_id": 1, "bbox": [0, 0, 5, 5], "score": 1.0}]))
    with pytest.raises(UserError, match="no result is about an image of"):
        average_precision(read_detections(other, BadRows()), small[1], "segm", "all", BadRows())
