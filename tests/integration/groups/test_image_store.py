"""The image of a group: stored with its first answer, given to each that is learnt from."""

import pytest
import torch
from tensordict import TensorDict
from verl.utils.tensordict_utils import assign_non_tensor_stack

from rollout import image_store
from rollout.image_store import shared, with_images


def share_of(rows: list[dict]) -> TensorDict:
    """A device's share of a batch, as far as images go."""
    data = TensorDict({}, batch_size=[len(rows)])
    assign_non_tensor_stack(data, "multi_modal_inputs", rows)
    return data


@pytest.fixture
def stored(ask, worker, image_inputs, monkeypatch) -> list[dict]:
    """What is stored of the image with the answers to a question, in a TransferQueue that gives it again."""
    ask()
    ((keys, fields, _, _),) = worker.queue.batches
    rows = image_inputs(fields)

    def kv_batch_get(keys: list[str], partition_id: str, select_fields: list[str]) -> TensorDict:
        assert (partition_id, select_fields) == ("train", ["multi_modal_inputs"])
        worker.queue.asked.append(keys)
        return share_of([by_key[key] for key in keys])

    by_key = dict(zip(keys, rows, strict=True))
    worker.queue.asked = []
    monkeypatch.setattr(image_store.tq, "kv_batch_get", kv_batch_get)
    return rows


def test_an_image_is_stored_with_the_first_answer_alone(stored, worker):
    first, *others = stored
    assert torch.equal(first["pixel_values"], worker.loops["polygon"].image_inputs["pixel_values"])
    assert others == [{"image_of": "q_0_0"}] * 2


def test_each_answer_learns_with_its_image(stored, worker, image_inputs):
    for found in image_inputs(with_images(share_of(stored))):
        assert found.keys() == worker.loops["polygon"].image_inputs.keys() - {"mm_token_type_ids"}
        assert torch.equal(found["pixel_values"], worker.loops["polygon"].image_inputs["pixel_values"])
    assert worker.queue.asked == []


def test_an_image_that_another_device_has_is_fetched(stored, worker, image_inputs):
    share = image_inputs(with_images(share_of(stored[1:])))
    assert worker.queue.asked == [["q_0_0"]]
    wanted = {name: value for name, value in stored[0].items() if name != "image_of"}
    for found in share:
        assert found.keys() == wanted.keys()
        assert torch.equal(found["pixel_values"], wanted["pixel_values"])


def test_what_fills_up_a_batch_and_questions_without_images_have_none(image_inputs):
    for rows in ([{}, {}], shared({}, ["q_0_0", "q_1_0"])):
        assert image_inputs(with_images(share_of(rows))) == [{}, {}]
