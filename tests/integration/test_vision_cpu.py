"""The vision tower at a CPU's pace gives the same features as transformers' own loop."""

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
with torch.no_grad():
    before = [tower(pixels, grid_thw=g).pooler_output for g in (grid, uneven)]
    import vlm.vision_cpu
    after = [tower(pixels, grid_thw=g).pooler_output for g in (grid, uneven)]
patched = type(tower.blocks[0].attn).forward is vlm.vision_cpu.batched_forward
print(patched, max(float((a - b).abs().max()) for a, b in zip(before, after)))
"""


def test_same_features():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    patched, difference = done.stdout.split()[-2:]
    assert patched == "True"
    assert float(difference) < 1e-5
