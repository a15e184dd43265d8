"""The SFT entry point on the real trainer: it learns, it resumes, and what it exports is a plain model folder."""

import json
from pathlib import Path

from transformers import AutoProcessor, Qwen3VLForConditionalGeneration


def losses(metrics: Path) -> dict[int, float]:
    rows = (json.loads(line) for line in metrics.read_text().splitlines())
    return {row["step"]: row["data"]["train/loss"] for row in rows if "train/loss" in row["data"]}


def test_sft_trains_resumes_and_exports(command, data_root, tmp_path):
    model = tmp_path / "model"
    command("vlm.tiny_qwen3_vl", str(model))
    run_dir = tmp_path / "run"
    common = (
        f"vlm.path={model}",
        f"data_root={data_root}",
        f"run_dir={run_dir}",
        "log_to=[console,file]",
        "data.train_batch_size=16",
        "data.train_max_samples=64",  # four steps an epoch
        "optimizer=muon",
    )
    command("sft.train", *common, "trainer.total_training_steps=4", "trainer.save_freq=2")
    first = losses(run_dir / "metrics.jsonl")
    assert sorted(first) == [1, 2, 3, 4]
    assert first[4] < first[1]

    command("sft.train", *common, "trainer.total_epochs=2", "trainer.total_training_steps=6", "trainer.save_freq=6")
    assert sorted(losses(run_dir / "metrics.jsonl")) == [5, 6], "the second call goes on with the second epoch"
    assert losses(run_dir / "metrics.1.jsonl") == first, "and keeps the metrics of the first"

    exported = run_dir / "checkpoints" / "global_step_6" / "huggingface"
    assert "shared_prompts" not in (exported / "config.json").read_text(), "plain transformers does not know it"
    trained = Qwen3VLForConditionalGeneration.from_pretrained(exported)
    assert len(AutoProcessor.from_pretrained(exported).tokenizer) == trained.config.text_config.vocab_size
