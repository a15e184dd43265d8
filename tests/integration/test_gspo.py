"""GSPO end to end on the real engine (verl, Ray, vLLM): train, checkpoint, resume, export, generate, evaluate."""

import json
import math
from pathlib import Path

import psutil
import pytest

SMALL = (
    "vlm.micro_batch_size=8",
    "data.train_batch_size=8",
    "actor_rollout_ref.actor.ppo_mini_batch_size=2",
    "actor_rollout_ref.actor.optim.lr=5e-5",
    "actor_rollout_ref.rollout.n=4",
    "log_to=[console,file,wandb]",
)


def steps(run_dir: Path) -> dict[int, dict]:
    rows = (json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines())
    return {row["step"]: row["data"] for row in rows}


@pytest.fixture(scope="module")
def runs(command, data_root, checkpoint, tmp_path_factory) -> tuple[Path, dict[int, dict], dict[int, dict], str]:
    """Three steps with a checkpoint, continued to a fourth: (folder, metrics of both, console of the first)."""
    run_dir = tmp_path_factory.mktemp("gspo") / "run"
    common = (*SMALL, f"vlm.path={checkpoint}", f"data_root={data_root}", f"run_dir={run_dir}")
    console = command("rl.train", *common, "trainer.total_training_steps=3", "trainer.save_freq=3")
    first = steps(run_dir)
    command("rl.train", *common, "trainer.total_training_steps=4", "trainer.save_freq=4")
    return run_dir, first, steps(run_dir), console


def test_every_step_logs_raw_terms_and_group_statistics(runs):
    _, first, _, console = runs
    assert sorted(first) == [1, 2, 3]
    for data in first.values():
        for key in ("reward/total", "reward/iou", "reward/distance", "reward/format"):
            assert 0 <= data[key] <= 2, key
        assert data["reward/total"] == pytest.approx(
            data["reward/iou"] + 0.2 * data["reward/distance"] + 0.1 * data["reward/format"], abs=1e-6
        )
        for key in ("parse_failure", "vertices", "group/zero_variance_share", "response_length/mean"):
            assert math.isfinite(data[key]), key
    assert "reward/iou" in console


def test_rollout_and_actor_are_one_policy(runs):
    """Mean absolute difference of the log-probabilities that vLLM reports and the actor recomputes."""
    _, first, _, _ = runs
    for data in first.values():
        assert data["rollout_actor/log_prob_gap"] < 1e-4


def test_the_policy_changes_and_clips(runs):
    _, first, _, _ = runs
    assert all(data["actor/grad_norm"] > 0 for data in first.values())
    assert any(data["actor/pg_clipfrac"] > 0 for data in first.values())


def test_resume_continues_behind_the_checkpoint(runs):
    _, _, second, _ = runs
    assert sorted(second) == [4]


def test_no_process_is_left(runs):
    run_dir = str(runs[0])
    left = [
        process.info for process in psutil.process_iter(["pid", "cmdline"]) if run_dir in str(process.info["cmdline"])
    ]
    assert left == []


def test_export_generates_and_evaluates(runs, command, data_root, tmp_path):
    run_dir = runs[0]
    exported = run_dir / "checkpoints" / "global_step_4" / "actor" / "huggingface"
    predictions, metrics = tmp_path / "test.jsonl", tmp_path / "metrics.json"
    command(
        "rollout.generate", f"vlm.path={exported}", f"data_root={data_root}", "split=test", "backend=transformers",
        f"output={predictions}",
    )  # fmt: skip
    command(
        "evaluation.run", f"predictions={predictions}", f"data_root={data_root}", "split=test", "codec=coarse",
        f"output={metrics}",
    )  # fmt: skip
    scores = json.loads(metrics.read_text())
    assert "text2mask" in json.dumps(scores)
    assert len(predictions.read_text().splitlines()) == 16
