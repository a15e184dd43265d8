"""The SFT entry point on the real trainer: it learns, it resumes, and what it exports is a plain model folder."""

import json
from pathlib import Path

from transformers import AutoProcessor, Qwen3VLForConditionalGeneration


def losses(run_dir: Path) -> dict[int, float]:
    rows = (json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines())
    return {row["step"]: row["data"]["train/loss"] for row in rows if "train/loss" in row["data"]}


def test_sft_trains_resumes_and_exports(command, data_root, tmp_path):
    model = tmp_path / "model"
    command("vlm.tiny_qwen3_vl", str(model))
    run_dir = tmp_path / "run"
    common = (
        f"vlm.path={model}", f"data_root={data_root}", f"run_dir={run_dir}", "log_to=[console,file]",
        "data.train_batch_size=16", "optimizer=muon", "trainer.total_epochs=2",
    )  # fmt: skip
    command("sft.train", *common, "trainer.total_training_steps=6", "trainer.save_freq=3")
    first = losses(run_dir)
    assert sorted(first) == [1, 2, 3, 4, 5, 6]
    assert first[6] < first[1]

    command("sft.train", *common, "trainer.total_training_steps=8", "trainer.save_freq=8")
    assert sorted(losses(run_dir)) == [7, 8], "the second call continues behind step 6"

    exported = run_dir / "checkpoints" / "global_step_8" / "huggingface"
    trained = Qwen3VLForConditionalGeneration.from_pretrained(exported)
    assert AutoProcessor.from_pretrained(exported).tokenizer.vocab_size == trained.config.text_config.vocab_size
