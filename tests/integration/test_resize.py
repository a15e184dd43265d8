"""The size of the picture that Qwen2.5-VL sees, as transformers computes it."""

import random

import numpy as np
import pytest
from PIL import Image
from transformers import AutoImageProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from evaluation.inputs.frame import Resize

RULES = [Resize(), Resize(max_pixels=1280 * 28 * 28), Resize(min_pixels=256 * 28 * 28), Resize(32, 65536, 16777216)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_sizes_are_those_of_transformers(rule):
    draw = random.Random(0)
    sizes = [(368, 434), (1080, 1920), (28, 28), (14, 42), (4000, 6000), (8192, 8192), (30, 3000)]
    sizes += [(draw.randint(8, 5000), draw.randint(28, 1400)) for _ in range(5000)]
    for height, width in sizes:
        if max(height, width) <= 200 * min(height, width):
            expected = smart_resize(height, width, rule.factor, rule.min_pixels, rule.max_pixels)
            assert rule.size(height, width) == expected, (height, width)


@pytest.mark.parametrize(("height", "width"), [(368, 434), (1080, 1920)])
def test_the_published_processor_sees_that_picture(height, width, shared):
    folder = shared / "data/models_small/qwen2.5-vl-7b-config"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: the processor of Qwen2.5-VL-7B-Instruct")
    processor = AutoImageProcessor.from_pretrained(folder)
    photo = Image.fromarray(np.zeros((height, width, 3), np.uint8))
    _, rows, columns = processor(photo, return_tensors="np")["image_grid_thw"][0].tolist()
    assert (rows * processor.patch_size, columns * processor.patch_size) == Resize().size(height, width)
