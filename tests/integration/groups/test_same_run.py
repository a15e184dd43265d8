"""What makes two runs of a seed the same: the order of questions and answers, the seeds of requests."""

import itertools

import pytest
from verl.trainer.ppo.v1 import replay_buffer

from rl.trainer import QuickReplayBuffer
from rollout.agent_loop import request_seed


def test_a_batch_comes_in_the_order_of_its_questions(monkeypatch):
    """Whatever was ready first; uids are other ones in every run."""
    monkeypatch.setattr(replay_buffer.tq, "kv_clear", lambda **kwargs: None)
    buffer = QuickReplayBuffer.__new__(QuickReplayBuffer)
    ready = [("b", 3, 1), ("a", 10, 0), ("b", 3, 0), ("c", 9, 0), ("a", 10, 1)]
    partition = {f"{uid}_{session}_0": {"place": ["shapes", index, session]} for uid, index, session in ready}
    batch = buffer._materialize_batch("train", ["a", "b"], partition)
    assert batch.keys == ["b_0_0", "b_1_0", "a_0_0", "a_1_0"]
    assert [tag["place"][1:] for tag in batch.tags] == [[3, 0], [3, 1], [10, 0], [10, 1]]


@pytest.mark.parametrize(("done", "taken"), [("bc", ""), ("ac", "a"), ("ba", "ab"), ("abc", "abc")])
def test_a_part_of_a_batch_waits_for_the_questions_asked_first(done, taken):
    """Else what is trained first would hang on which answers were ready first."""
    buffer = QuickReplayBuffer.__new__(QuickReplayBuffer)
    buffer.finished_keys, buffer.failure_keys = {"train": set(done[1:])}, {"train": set(done[:1])}
    buffer.prompt_global_steps = {"train": {"a": 1, "b": 1, "c": 1}}
    assert "".join(buffer._sampleable_terminal_keys("train", (set(), set(), set(), {}))) == taken


def test_the_seed_of_a_request_hangs_on_run_step_and_question():
    asked = list(itertools.product((0, 1), (5, 6), ("shapes", "refcoco"), range(50)))
    assert len({request_seed(*facts) for facts in asked}) == len(asked)
    assert request_seed(0, 5, "shapes", 7) == request_seed(0, 5, "shapes", 7) < 2**32
