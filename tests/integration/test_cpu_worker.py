"""A running vLLM engine takes new weights on a CPU, the tied head included: its log-probabilities are transformers'."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import torch
from safetensors.torch import load_file, save_file
from omegaconf import OmegaConf
from hardware.environment import apply_environment


def load(worker, file):
    worker.reload(list(load_file(file).items()))


if __name__ == "__main__":
    apply_environment(OmegaConf.create({"hardware": OmegaConf.load("conf/hardware/cpu.yaml")}))
    from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration
    from vllm import LLM, SamplingParams

    path = sys.argv[1]
    llm = LLM(
        path, dtype="float32", load_format="dummy", enforce_eager=True, max_model_len=256, max_num_seqs=8,
        worker_extension_cls="rollout.cpu_worker.CpuWorkerExtension", limit_mm_per_prompt={"image": 1},
    )
    model = Qwen3VLForConditionalGeneration.from_pretrained(path, dtype=torch.float32).eval()
    ids = AutoTokenizer.from_pretrained(path)("Outline the red star. [[[0.10, 0.20], [0.30, 0.40]]]").input_ids
    for scale in (1.0, 0.9):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(scale)
        save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, path + ".new")
        llm.collective_rpc(load, args=(path + ".new",))
        answer = llm.generate({"prompt_token_ids": ids}, SamplingParams(max_tokens=16, logprobs=0, temperature=1.0))
        out = answer[0].outputs[0]
        theirs = torch.tensor([entry[token].logprob for entry, token in zip(out.logprobs, out.token_ids)])
        whole = torch.tensor([ids + list(out.token_ids)])
        with torch.no_grad():
            logits = model(input_ids=whole).logits[0, len(ids) - 1 : -1]
        ours = logits.log_softmax(-1).gather(-1, torch.tensor(out.token_ids).unsqueeze(-1)).squeeze(-1)
        print("gap", float((theirs - ours).abs().mean()))
"""


def test_reload_reaches_every_layer(repo_root: Path, checkpoint: Path, tmp_path: Path):
    script = tmp_path / "reload.py"
    script.write_text(SCRIPT)
    model = shutil.copytree(checkpoint, tmp_path / "model")
    done = subprocess.run(
        [sys.executable, str(script), str(model)],
        cwd=repo_root,
        env={**os.environ, "VLLM_ALLOW_INSECURE_SERIALIZATION": "1", "PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    gaps = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("gap ")]
    assert len(gaps) == 2
    assert max(gaps) < 1e-4
