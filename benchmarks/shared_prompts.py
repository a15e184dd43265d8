"""What sharing prompts saves of an update: forward and backward passes of one micro-batch, with and without.

    python -m benchmarks.shared_prompts [--questions 4] [--repeats 5]

The tiny Qwen3-VL in our FSDP engine's passes, in turn with and without, on prompts of 30 tokens (16 of the image) and
of 1,200 (1,152 of the image), for groups of 8 and 16 answers of 20 and 200 tokens. A question's image is computed once
in both: without sharing by the vision tower's own check (vlm/vision_cpu.py).
"""

import argparse
import statistics
import time
from types import SimpleNamespace

import torch
from omegaconf import OmegaConf
from tensordict import TensorDict

from hardware.environment import apply_environment
from polygon import cli

PROMPTS = {30: ((1, 8, 8), 12), 1200: ((1, 64, 72), 46)}
"""Tokens of a prompt -> the grid of its image in patches, four a token, and its words; two more enclose the image."""
ANSWERS = {30: 20, 1200: 200}  # tokens of an answer on average


def engine():
    """The passes of hardware/fsdp_engine.py without the processes of a run."""
    from verl.utils.torch_functional import entropy_from_logits

    import vlm.vision_cpu  # noqa: F401 - as in training
    from hardware.answer_logits import HeadInput
    from hardware.fsdp_engine import PolygonEngine
    from vlm.tiny_qwen3_vl import Qwen3VLForConditionalGeneration, build_config, build_processor

    made = PolygonEngine.__new__(PolygonEngine)
    torch.manual_seed(0)
    processor = build_processor()
    made.module = Qwen3VLForConditionalGeneration(build_config(processor)).float().train()
    made.model_config = SimpleNamespace(processor=processor, tokenizer=processor.tokenizer)
    made.engine_config = SimpleNamespace(entropy_checkpointing=False, entropy_from_logits_with_chunking=False)
    made.use_ulysses_sp = made.pad_to_length = False
    made.compute_entropy_from_logits = entropy_from_logits
    made.head_input = HeadInput(made.module.get_output_embeddings())
    return made


def batch(processor, tokens: int, questions: int, answers: int) -> TensorDict:
    """Answers of lengths around ANSWERS, from half to one and a half of it."""
    from verl.models.transformers.qwen2_vl import get_rope_index
    from verl.utils import tensordict_utils

    def jagged(rows):
        return torch.nested.as_nested_tensor(rows, layout=torch.jagged)

    grid, words = PROMPTS[tokens]
    grid_13 = torch.tensor([grid])
    generator = torch.Generator().manual_seed(0)
    prompts, written, positions, images = [], [], [], []
    for _ in range(questions):
        seen = [processor.image_token_id] * (int(grid_13.prod()) // 4)
        said = torch.randint(100, 400, (words,), generator=generator).tolist()
        prompt = torch.tensor([processor.vision_start_token_id, *seen, processor.vision_end_token_id, *said])
        image = {"pixel_values": torch.randn(int(grid_13.prod()), 1536, generator=generator), "image_grid_thw": grid_13}
        for place in range(answers):
            length = round(ANSWERS[tokens] * (0.5 + place / max(1, answers - 1)))
            written.append(torch.randint(100, 400, (length,), generator=generator))
            prompts.append(prompt)
            whole = torch.cat([prompt, written[-1]])
            vision = get_rope_index(processor, input_ids=whole, image_grid_thw=grid_13)
            positions.append(torch.cat([torch.arange(len(whole)).unsqueeze(0), vision]))
            images.append(image)
    fields = {
        "input_ids": jagged([torch.cat(pair) for pair in zip(prompts, written, strict=True)]),
        "position_ids": jagged(positions),
        "prompts": jagged(prompts),
        "responses": jagged(written),
    }
    data = tensordict_utils.get_tensordict(fields, {"temperature": 1.0, "use_remove_padding": False})
    tensordict_utils.assign_non_tensor_stack(data, "multi_modal_inputs", images)
    return data


def seconds(made, data: TensorDict, *, shared: bool) -> float:
    """Of one forward and backward pass."""
    made.module.config.text_config._attn_implementation = "shared_prompts" if shared else "sdpa"
    made.shares_prompts = shared
    begin = time.perf_counter()
    inputs, output_args = made.prepare_model_inputs(data)
    found = made.prepare_model_outputs(made.module(**inputs, use_cache=False), output_args, data, None)
    found["log_probs"].values().sum().backward()
    took = time.perf_counter() - begin
    made.module.zero_grad()
    return took


@cli
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=4, help="of a micro-batch; 1 with the long prompts")
    parser.add_argument("--repeats", type=int, default=5, help="pairs, after one that is not counted")
    arguments = parser.parse_args()
    apply_environment(OmegaConf.create({"hardware": OmegaConf.load("conf/hardware/cpu.yaml")}))
    made = engine()
    print(f"{torch.get_num_threads()} threads")
    print("| prompt, tokens | answers a question | shared, s | not shared, s | ratio, median (least to most) |")
    print("|---|---|---|---|---|")
    for tokens in PROMPTS:
        for answers in (8, 16):
            data = batch(made.model_config.processor, tokens, arguments.questions if tokens < 100 else 1, answers)
            pairs = [
                (seconds(made, data, shared=True), seconds(made, data, shared=False))
                for _ in range(arguments.repeats + 1)
            ][1:]
            ratios = sorted(without / with_ for with_, without in pairs)
            medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
            print(
                f"| {tokens} | {answers} | {medians[0]:.3f} | {medians[1]:.3f} | "
                f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
