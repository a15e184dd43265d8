"""The search of weights and clip range: what a trial tells rl.train, its score, failures, going on after a stop."""

import inspect
import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from experiments import search
from polygon import UserError

main = inspect.unwrap(search.main)  # under @command


@pytest.fixture
def config(repo_root, tmp_path):
    with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
        more = ["+train.vlm=qwen2_5_vl_7b", "+train.trainer.total_training_steps=10", "+train.waive=[a,b]"]
        return compose("search", overrides=[f"out={tmp_path}", "trials=6", *more])


def value(chosen: list[str], key: str) -> float:
    return float(dict(word.split("=") for word in chosen)[key])


def test_what_a_trial_chooses_is_what_rl_train_gets(repo_root, config, tmp_path):
    study = search.open_study(config, tmp_path / "study.journal")
    chosen = search.overrides(config, study.ask())
    with initialize_config_dir(str(repo_root / "conf"), version_base="1.3"):
        run = compose("rl", overrides=[*search.every_run(config), *chosen])
    actor = run.actor_rollout_ref.actor
    assert actor.clip_ratio_low == actor.clip_ratio_high == value(chosen, "actor_rollout_ref.actor.clip_ratio_low")
    assert 2e-3 <= actor.clip_ratio_low <= 5e-2
    assert run.rewards.distance.weight == value(chosen, "rewards.distance.weight")
    assert 0 <= run.rewards.format.weight <= 0.5
    assert (run.vlm.name, run.trainer.total_training_steps, run.waive) == ("qwen2_5_vl_7b", 10, ["a", "b"])
    assert run.trainer.val_before_train is False


def write_run(folder: Path, *steps: dict[str, float]) -> None:
    folder.mkdir()
    (folder / "config.yaml").write_text("{name: search, arm: trial-3, seed: 0, actor_rollout_ref: {}}")
    (folder / "run.json").write_text(json.dumps({"starts": [{}], "finished": {"seconds": 9.0}}))
    rows = [{"step": step, "data": data} for step, data in enumerate(steps, start=1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_score_of_a_trial_is_its_held_out_iou(config, tmp_path, monkeypatch):
    held_out, trained = "val-aux/shapes/reward/iou/mean@1", "reward/iou"
    monkeypatch.setattr(search, "run", lambda job: write_run(job.log.parent, {trained: 0.9}, {held_out: 0.25}))
    assert search.train(config, tmp_path / "trial-3", ["rewards.iou.weight=1"]) == 0.25

    monkeypatch.setattr(search, "run", lambda job: write_run(job.log.parent, {trained: 0.9}))
    with pytest.raises(UserError, match="trial-4 has no held-out IoU"):
        search.train(config, tmp_path / "trial-4", [])


def test_a_search_that_was_stopped_goes_on(config, tmp_path, monkeypatch, capsys):
    seen = []

    def stopped_at_the_third(config, folder: Path, chosen: list[str]) -> float:
        if len(seen) == 2:
            seen.append(chosen)
            raise KeyboardInterrupt
        seen.append(chosen)
        return 1 - value(chosen, "rewards.distance.weight")

    monkeypatch.setattr(search, "train", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        main(config)
    main(config)
    assert len(seen) == 7
    assert seen[3] == seen[2], "the trial it was at is done again"
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(("0.", "1."))]
    assert len(lines) == 6
    assert [float(line[0]) for line in lines] == sorted((float(line[0]) for line in lines), reverse=True)
    main(config)
    assert len(seen) == 7, "nothing is left to do"


def test_failures_are_listed_and_end_the_search_once_all_had_their_turn(config, monkeypatch, capsys):
    tried = []

    def fails_twice(config, folder: Path, chosen: list[str]) -> float:
        tried.append(folder.name)
        if len(tried) in (2, 3):
            raise UserError("out of memory")
        return 0.5

    monkeypatch.setattr(search, "train", fails_twice)
    with pytest.raises(UserError, match=r"2 trials failed: trial 1: out of memory; trial 2: out of memory"):
        main(config)
    assert tried == [f"trial-{number}" for number in range(6)]
    assert capsys.readouterr().out.count("held-out IoU") == 4
