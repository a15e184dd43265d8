"""Qwen3-VL's vision tower at a CPU's pace: batched attention and a linear patch embedding, same results.

Why: without flash attention (on a CPU) transformers 5.10 calls attention once an image and layer, and embeds patches by
a 3-D convolution whose kernel is the whole patch: a matrix product, but 5 times slower. And the answers of a group have
one image, which the actor would look at once for each.
How: importing this module replaces three `forward` methods; verl imports it in every worker through
`model.external_lib`. In attention, images of unequal sizes and flash attention go the original way.
"""

import torch
from transformers import __version__ as transformers_version
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen3_vl

KNOWN_TO_WORK = ("5.9.", "5.10.")

loop_forward = qwen3_vl.Qwen3VLVisionAttention.forward
tower_forward = qwen3_vl.Qwen3VLVisionModel.forward


def distinct_forward(self, hidden_states, grid_thw, **kwargs):
    """`Qwen3VLVisionModel.forward`, each image once however often it occurs: same shapes, gradients summed."""
    sizes = grid_thw.prod(-1).tolist()
    images = hidden_states.split(sizes)
    numbers: dict[tuple, int] = {}
    keys = [
        (*grid, image.contiguous().view(torch.uint8).numpy().tobytes())
        for image, grid in zip(images, grid_thw.tolist(), strict=True)
    ]
    which = [numbers.setdefault(key, len(numbers)) for key in keys]
    if len(numbers) == len(images):
        return tower_forward(self, hidden_states, grid_thw, **kwargs)
    first = [which.index(number) for number in range(len(numbers))]
    found = tower_forward(self, torch.cat([images[place] for place in first]), grid_thw[first], **kwargs)

    def repeated(features):
        """Features of the distinct images, one row for each patch or for each block of merged ones."""
        patches = sum(sizes[place] for place in first)
        parts = features.split([sizes[place] * features.shape[0] // patches for place in first])
        return torch.cat([parts[number] for number in which])

    found.last_hidden_state = repeated(found.last_hidden_state)
    found.pooler_output = repeated(found.pooler_output)
    found.deepstack_features = [repeated(features) for features in found.deepstack_features]
    return found


def batched_forward(self, hidden_states, cu_seqlens, position_embeddings=None, **kwargs):
    """`Qwen3VLVisionAttention.forward` for equal lengths: hidden_states (images * patches, dim) -> same shape."""
    lengths = cu_seqlens[1:] - cu_seqlens[:-1]
    if self.config._attn_implementation != "sdpa" or position_embeddings is None or (lengths != lengths[0]).any():
        return loop_forward(self, hidden_states, cu_seqlens, position_embeddings=position_embeddings, **kwargs)
    total, images = hidden_states.shape[0], lengths.shape[0]
    query, key, value = self.qkv(hidden_states).reshape(total, 3, self.num_heads, -1).unbind(1)
    query, key = qwen3_vl.apply_rotary_pos_emb_vision(query, key, *position_embeddings)
    query, key, value = (
        part.reshape(images, total // images, self.num_heads, -1).transpose(1, 2) for part in (query, key, value)
    )
    attended = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=self.scaling)
    return self.proj(attended.transpose(1, 2).reshape(total, -1))


def linear_patch_embed(self, hidden_states):
    """`Qwen3VLVisionPatchEmbed.forward` as one matrix product: (patches, channels * pixels) -> (patches, dim)."""
    weight = self.proj.weight.flatten(1)
    return torch.nn.functional.linear(hidden_states.to(weight.dtype).view(-1, weight.shape[1]), weight, self.proj.bias)


if transformers_version.startswith(KNOWN_TO_WORK):
    qwen3_vl.Qwen3VLVisionModel.forward = distinct_forward
    qwen3_vl.Qwen3VLVisionAttention.forward = batched_forward
    qwen3_vl.Qwen3VLVisionPatchEmbed.forward = linear_patch_embed
