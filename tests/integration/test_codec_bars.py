"""The codec's ceiling on the COCO instances of the shared data: IoU and vertices that no change may lose."""

import pytest

from evaluation.oracle import measure, read_instances
from polygon import Codec


@pytest.fixture(scope="module")
def coco_dev(shared):
    """COCO instances of the shared data, as a factory: all their masks at once would take 700 MB."""
    file = shared / "data" / "coco_dev" / "instances.json"
    if not file.is_file():
        pytest.skip(f"no {file}: the bars are measured on the project's COCO subset")
    return lambda: read_instances(file, min_area=64)


@pytest.mark.parametrize(("epsilon", "iou", "max_vertices"), [(0.001, 0.998, 66), (0.005, 0.979, 20)])
def test_matched_codec_clears_its_bars(coco_dev, epsilon, iou, max_vertices):
    figures = measure(Codec(epsilon=epsilon), coco_dev())
    assert figures["n"] == 2327
    assert figures["mean_iou"] >= iou
    assert figures["mean_iou_small"] >= iou
    assert figures["mean_vertices"] <= max_vertices


@pytest.mark.parametrize(("tolerance", "iou", "max_vertices"), [(0.002, 0.987, 20.0), (0.0072, 0.968, 12.5)])
def test_fitted_codec_clears_its_bars(coco_dev, tolerance, iou, max_vertices):
    figures = measure(Codec(simplify="fit", tolerance=tolerance), coco_dev())
    assert figures["mean_vertices"] <= max_vertices
    assert figures["mean_iou"] >= iou
    assert figures["mean_iou_small"] >= iou


def test_reference_decode_has_a_ceiling(coco_dev):
    figures = measure(Codec(decode="reference", holes=False), coco_dev())
    assert 0.89 < figures["mean_iou"] < 0.91
    assert figures["mean_iou_small"] < 0.84
