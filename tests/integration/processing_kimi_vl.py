"""The Python code that the stand-in for Kimi-VL brings along (test_published_checkpoints.py): its processor.

The inputs are Kimi-VL's: patches of 14 x 14 px of the image padded to whole 2 x 2 blocks, and their grid.
"""

import numpy as np
import torch
from transformers import BatchFeature, ProcessorMixin
from transformers.image_processing_utils import BaseImageProcessor

PATCH, MERGE = 14, 2


class Patches(BaseImageProcessor):
    model_input_names = ("pixel_values", "image_grid_hws")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.patch_size, self.merge_kernel_size, self.in_token_limit = PATCH, [MERGE, MERGE], 4096

    def preprocess(self, images, **_):
        patches, grids = [], []
        for image in images if isinstance(images, list) else [images]:
            pixels = np.asarray(image.convert("RGB"), np.float32) / 127.5 - 1
            block = PATCH * MERGE
            padded = np.pad(pixels, [(0, -pixels.shape[0] % block), (0, -pixels.shape[1] % block), (0, 0)])
            rows, columns = padded.shape[0] // PATCH, padded.shape[1] // PATCH
            split = padded.reshape(rows, PATCH, columns, PATCH, 3).transpose(0, 2, 4, 1, 3)
            patches.append(split.reshape(-1, 3, PATCH, PATCH))
            grids.append((rows, columns))
        pixel_values = torch.from_numpy(np.concatenate(patches))
        return BatchFeature({"pixel_values": pixel_values, "image_grid_hws": torch.tensor(grids)})


class TinyProcessor(ProcessorMixin):
    attributes = ("image_processor", "tokenizer")
    image_processor_class = "AutoImageProcessor"
    tokenizer_class = "AutoTokenizer"
    image_token = "<|image_pad|>"

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **_):
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __call__(self, images=None, text=None, return_tensors=None, **_):
        seen = self.image_processor(images) if images is not None else {}
        texts = [text] if isinstance(text, str) else list(text)
        for rows, columns in seen.get("image_grid_hws", []):
            tokens = self.image_token * (int(rows * columns) // MERGE**2)
            texts = [each.replace(self.image_token, tokens) for each in texts]  # one image a text
        return BatchFeature({**self.tokenizer(texts, return_tensors=return_tensors), **seen})
