"""A question's answers are asked, scored and stored as one."""

import torch


def test_a_group_is_asked_scored_and_stored_once(ask, worker, answers):
    ask()
    assert worker.queue.status == [("q", "train", "finished")]
    assert [n for _, n in worker.loops["polygon"].asked] == [3]
    assert worker.reward_loop_worker_handles[0].calls == 1
    ((keys, fields, tags, partition),) = worker.queue.batches
    assert (keys, partition) == (["q_0_0", "q_1_0", "q_2_0"], "train")
    assert [row.tolist() for row in fields["responses"].unbind()] == list(answers)
    assert [row.tolist() for row in fields["rm_scores"].unbind()] == [[0, 0, 3], [1], [0, 2]]
    assert [tag["response_len"] for tag in tags] == [3, 1, 2]
    assert [tag["place"] for tag in tags] == [["shapes", 12, session] for session in range(3)]
    assert all(tag["seq_len"] == tag["prompt_len"] + tag["response_len"] for tag in tags)
    assert list(fields["data_source"]) == ["shapes"] * 3
    assert not {"raw_prompt", "agent_name", "index"} & set(fields.keys())


def test_positions_are_those_that_each_answer_would_have_alone(ask, worker):
    ask()
    ((_, fields, _, _),) = worker.queue.batches
    loop = worker.loops["polygon"]
    for ids, found in zip(fields["input_ids"].unbind(), fields["position_ids"], strict=True):
        alone = worker._compute_position_ids(ids[None], torch.ones_like(ids[None]), dict(loop.image_inputs))
        assert torch.equal(found, alone.squeeze(0))


def test_a_validation_asks_as_often_as_it_says(ask, worker, image_inputs):
    ask(validate=True)
    ask("many", validate=True, __rollout_n__=2)
    assert [n for _, n in worker.loops["polygon"].asked] == [1, 2]
    assert {partition for *_, partition in worker.queue.batches} == {"val"}
    for _, fields, _, _ in worker.queue.batches:
        assert not any(image_inputs(fields))  # which nothing reads


def test_a_baseline_is_greedy(ask, worker):
    ask(__do_sample__=False)
    assert worker.loops["polygon"].asked[0][0]["temperature"] == 0


def test_a_question_without_answers_is_told_and_stores_nothing(ask, worker, caplog):
    ask("broken")
    assert worker.queue.status[-1] == ("broken", "train", "failure")
    assert worker.queue.batches == []
    assert "uid=broken" in caplog.text
