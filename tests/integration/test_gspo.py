"""GSPO end to end on the real engine (verl, Ray, vLLM): train, checkpoint, resume, export, generate, evaluate."""

import json
import math
import re

import pytest


def test_every_step_logs_raw_terms_and_group_statistics(gspo):
    assert sorted(gspo.first)[:3] == [1, 2, 3]
    for data in gspo.first.values():
        for key in ("reward/total", "reward/iou", "reward/distance", "reward/format"):
            assert 0 <= data[key] <= 2, key
        assert data["reward/total"] == pytest.approx(
            data["reward/iou"] + 0.2 * data["reward/distance"] + 0.1 * data["reward/format"], abs=1e-6
        )
        for key in ("parse_failure", "vertices", "group/zero_variance_share", "response_length/mean"):
            assert math.isfinite(data[key]), key
    assert "reward/iou" in gspo.console


def test_rollout_and_actor_are_one_policy(gspo):
    """Mean absolute difference of the log-probabilities that vLLM reports and the actor recomputes."""
    for data in gspo.first.values():
        assert 0 < data["rollout_actor/log_prob_gap"] < 1e-4
        assert 0 < data["actor/entropy"] < math.log(1000)  # nats; the vocabulary has fewer tokens


def test_the_policy_changes_and_clips(gspo):
    assert all(data["actor/grad_norm"] > 0 for data in gspo.first.values())
    assert any(data["actor/pg_clipfrac"] > 0 for data in gspo.first.values())


def test_the_same_seed_gives_the_same_step(gspo, command, tmp_path):
    """To the last digit: answers, rewards, and four updates; what differs is time and memory."""
    command("rl.train", *gspo.settings, f"run_dir={tmp_path}/again", "trainer.total_training_steps=1")
    again = json.loads((tmp_path / "again/metrics.jsonl").read_text().splitlines()[0])["data"]
    measured = re.compile(r"timing|perf/")
    first, again = ({n: v for n, v in d.items() if not measured.search(n)} for d in (gspo.first[1], again))
    assert again == first
    assert len(first) > 50


def test_resume_continues_behind_the_checkpoint(gspo):
    assert sorted(gspo.second) == [4]
    assert gspo.left[1] == []


def test_both_starts_are_recorded(gspo):
    record = json.loads((gspo.folder / "run.json").read_text())
    assert len(record["starts"]) == 2
    assert record["finished"]["seconds"] > 0


def test_a_validation_leaves_its_overlays_with_wandb(gspo):
    pictures = set(gspo.folder.glob("wandb/offline-run-*/files/media/images/val/overlays_4_*"))
    assert len(pictures) == 3
    assert any(key.startswith("val-core/") for key in gspo.second[4])


def test_export_generates_and_evaluates(gspo, command, data_root, tmp_path):
    exported = gspo.folder / "checkpoints" / "global_step_4" / "actor" / "huggingface"
    assert "shared_prompts" not in (exported / "config.json").read_text(), "plain transformers does not know it"
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
