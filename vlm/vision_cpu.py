"""Qwen3-VL's vision tower at a CPU's pace: batched attention and a linear patch embedding, same results.

Why: without flash attention (on a CPU) transformers 5.10 calls attention once an image and layer, and embeds patches by
a 3-D convolution whose kernel is the whole patch: a matrix product, but 5 times slower.
How: importing this module replaces two `forward` methods; verl imports it in every worker through
`model.external_lib`. Images of unequal sizes and flash attention go the original way.
"""

import torch
from transformers import __version__ as transformers_version
from transformers.models.qwen3_vl import modeling_qwen3_vl as qwen3_vl

KNOWN_TO_WORK = ("5.9.", "5.10.")

loop_forward = qwen3_vl.Qwen3VLVisionAttention.forward


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
    qwen3_vl.Qwen3VLVisionAttention.forward = batched_forward
    qwen3_vl.Qwen3VLVisionPatchEmbed.forward = linear_patch_embed
