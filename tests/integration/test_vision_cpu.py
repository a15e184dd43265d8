"""The vision tower at a CPU's pace gives the same features and gradients as transformers' own loop."""

import subprocess
import sys

SCRIPT = """
import torch
from transformers import Qwen3VLForConditionalGeneration
from vlm.tiny_qwen3_vl import build_config, build_processor
torch.manual_seed(0)
tower = Qwen3VLForConditionalGeneration(build_config(build_processor())).model.visual.eval()
pixels = torch.randn(3 * 64, 1536)
grid = torch.tensor([[1, 8, 8]] * 3)
uneven = torch.tensor([[1, 8, 8], [1, 4, 8], [1, 12, 8]])
of_two = torch.cat([pixels[:64], pixels[64:96], pixels[:64], pixels[64:96], pixels[:64]])
grids = torch.tensor([[1, 8, 8], [1, 4, 8], [1, 8, 8], [1, 8, 4], [1, 8, 8]])
inputs = ((pixels, grid), (pixels, uneven), (of_two, grids))


def features():
    found = [tower(pixels, grid_thw=grid) for pixels, grid in inputs]
    return [part for out in found for part in (out.last_hidden_state, out.pooler_output, *out.deepstack_features)]


def gradient():
    tower.zero_grad()
    features()[-1].square().sum().backward()
    return tower.blocks[0].mlp.linear_fc1.weight.grad.clone()


before = [*features(), gradient()]
import vlm.vision_cpu
looked_at = []
tower.patch_embed.register_forward_pre_hook(lambda _, args: looked_at.append(len(args[0])))
after = [*features(), gradient()]
patched = type(tower.blocks[0].attn).forward is vlm.vision_cpu.batched_forward
gaps = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(before, after, strict=True)]
print(patched, looked_at[2], max(gaps))
"""


def test_same_features_and_gradients():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    patched, patches_of_two, difference = done.stdout.split()[-3:]
    assert patched == "True"
    assert patches_of_two == str(64 + 32 + 32), "an image is looked at once, and again when its grid is another"
    assert float(difference) < 1e-5
