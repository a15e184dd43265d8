"""Where the time of a GSPO run on a CPU goes: start-up of a first and a further job of a sweep, a step, the same bare.

    python -m data.prepare dataset=shapes data_root=outputs/data     # once
    python -m benchmarks.gspo [--steps 5] [--data-root outputs/data] [--bare]

The run is `rl.train -m experiment=demo seed=0,1`, a few steps each. Bare is one process of vLLM and transformers: the
same number of questions and answers, same model, no reward, no queue, no Ray; generation with seeds and
log-probabilities, which are the old ones of the update in four mini-batches. Start-up is from the command, or the end
of the job before, to the first step.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import OmegaConf

from data.rows import read_samples
from hardware.environment import apply_environment
from polygon import cli

MODEL = Path("models/tiny_qwen3_vl_sft")
QUESTIONS, ANSWERS, MINI_BATCHES, MAX_TOKENS = 32, 8, 4, 128
PARTS = {"generation": "gen", "update": "update_actor"}


def sweep(steps: int, data_root: Path, folder: Path) -> None:
    """Print the two jobs of a sweep."""
    words = (f"data_root={data_root}", f"trainer.total_training_steps={steps}", "log_to=[console,file]")
    command = [sys.executable, "-m", "rl.train", "-m", "experiment=demo", "seed=0,1", *words]
    begin = time.time()
    with (folder / "sweep.log").open("wb") as log:
        run = subprocess.Popen([*command, f"run_dir={folder}/seed${{seed}}"], stdout=log, stderr=subprocess.STDOUT)
        for seed in (0, 1):
            metrics = folder / f"seed{seed}/metrics.jsonl"
            while run.poll() is None and not begun(metrics):
                time.sleep(0.1)
            logged = time.time()
            if not begun(metrics):  # the sweep ended before
                break
            while run.poll() is None and json.loads((metrics.parent / "run.json").read_text())["finished"] is None:
                time.sleep(0.1)
            rows = [json.loads(line)["data"] for line in metrics.read_text().splitlines()]
            first, *later = [row["timing_s/step"] for row in rows]
            means = {name: statistics.fmean(row[f"timing_s/{key}"] for row in rows[1:]) for name, key in PARTS.items()}
            means["the rest"] = statistics.fmean(later) - sum(means.values())
            print(
                f"job {seed + 1}: start-up {logged - begin - first:.1f} s, first step {first:.1f} s, "
                f"later ones {statistics.fmean(later):.1f} s: {said(means)}",
                flush=True,
            )
            begin = time.time()
        if run.wait():
            sys.exit(f"the sweep failed, see its end:\n{(folder / 'sweep.log').read_text()[-2000:]}")


def begun(metrics: Path) -> bool:
    """Whether a run has logged a step there."""
    return metrics.exists() and metrics.stat().st_size > 0


def bare(steps: int, data_root: Path) -> None:
    """Print a step of the same size in this process."""
    os.environ.update(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_LOGGING_LEVEL="ERROR")
    config = OmegaConf.create({"hardware": OmegaConf.load("conf/hardware/cpu.yaml")})
    apply_environment(config)
    import torch
    from PIL import Image
    from transformers import AutoProcessor, Qwen3VLForConditionalGeneration
    from vllm import LLM, SamplingParams

    import vlm.vision_cpu  # noqa: F401 - as in training
    from rollout.prompt import chat_text
    from rollout.stop import closing_token_ids
    from vlm.vision_tokens import vision_token_ids

    processor = AutoProcessor.from_pretrained(MODEL)
    rollout = config.hardware.rollout
    llm = LLM(
        str(MODEL), dtype=rollout.dtype, max_num_seqs=rollout.max_num_seqs, block_size=rollout.block_size,
        enforce_eager=rollout.enforce_eager, max_model_len=192, logprobs_mode="processed_logprobs",
    )  # fmt: skip
    model = Qwen3VLForConditionalGeneration.from_pretrained(MODEL, attn_implementation="sdpa")
    samples = list(read_samples(data_root, "shapes", "train"))[: steps * QUESTIONS]
    parameters = SamplingParams(
        n=ANSWERS, temperature=1.0, seed=0, max_tokens=MAX_TOKENS, logprobs=0, detokenize=False,
        stop_token_ids=closing_token_ids(processor.tokenizer),
        logit_bias=dict.fromkeys(vision_token_ids(processor), -100.0),
    )  # fmt: skip
    trained = model.model.language_model.norm.weight
    model.requires_grad_(False)
    trained.requires_grad_(True)
    optimizer = torch.optim.SGD([trained], lr=1.0)
    times: dict[str, list[float]] = {name: [] for name in PARTS}

    def log_probs(batch: dict, tail_AT: torch.Tensor) -> torch.Tensor:
        """Of the answers' tokens, which end each sequence: (A, T); logits where answers are."""
        logits_ATV = model(**batch, logits_to_keep=tail_AT.shape[1] + 1).logits[:, :-1].log_softmax(-1)
        return logits_ATV.gather(-1, tail_AT.unsqueeze(-1)).squeeze(-1)

    for step in range(steps):
        asked = samples[step * QUESTIONS : (step + 1) * QUESTIONS]
        images = [Image.fromarray(sample.pixels()) for sample in asked]
        texts = [chat_text(processor, sample.prompt) for sample in asked]
        begin = time.perf_counter()
        prompts = [
            {"prompt": text, "multi_modal_data": {"image": image}} for text, image in zip(texts, images, strict=True)
        ]
        found = [
            (ids := list(answer.token_ids), [rank[i].logprob for i, rank in zip(ids, answer.logprobs, strict=True)])
            for out in llm.generate(prompts, parameters, use_tqdm=False)
            for answer in out.outputs
        ]
        times["generation"].append(time.perf_counter() - begin)

        size = QUESTIONS // MINI_BATCHES
        begin = time.perf_counter()
        batches = []
        for start in range(0, QUESTIONS, size):
            answers, old = zip(*found[start * ANSWERS : (start + size) * ANSWERS], strict=True)
            words = [text for text in texts[start : start + size] for _ in range(ANSWERS)]
            pictures = [image for image in images[start : start + size] for _ in range(ANSWERS)]
            inputs = processor(text=words, images=pictures, padding=True, padding_side="left", return_tensors="pt")
            longest = max(map(len, answers))
            tail = torch.tensor([[0] * (longest - len(ids)) + ids for ids in answers])
            before = torch.tensor([[0.0] * (longest - len(values)) + values for values in old])
            seen = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in answers])
            inputs["input_ids"] = torch.cat([inputs["input_ids"], tail], 1)
            inputs["attention_mask"] = torch.cat([inputs["attention_mask"], seen], 1)
            inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(tail)], 1)
            batches.append((dict(inputs), tail, seen, before))
        for inputs, tail, seen, before in batches:
            ratios = (((log_probs(inputs, tail) - before) * seen).sum(1) / seen.sum(1)).exp()
            (ratios * torch.randn(len(ratios))).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
        times["update"].append(time.perf_counter() - begin)
    means = {name: statistics.fmean(values[1:]) for name, values in times.items()}
    print(f"bare: {sum(means.values()):.1f} s a step: {said(means)}", flush=True)


def said(means: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in means.items())


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="of each, the first is not counted")
    parser.add_argument("--data-root", type=Path, default=Path("outputs/data"))
    parser.add_argument("--bare", action="store_true", help="without the sweep")
    arguments = parser.parse_args()
    if not arguments.bare:
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            sweep(arguments.steps, arguments.data_root.resolve(), Path(folder))
    process = multiprocessing.get_context("spawn").Process(target=bare, args=(arguments.steps, arguments.data_root))
    process.start()
    process.join()
    sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
