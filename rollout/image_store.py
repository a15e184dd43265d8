"""The image of a group of answers, in the TransferQueue once and not with each of them.

Why: verl stores what the model sees of an image with every answer, and the answers of a group have one image. A photo
of 640 x 480 pixels is 7 MB of patches: 512 questions of 8 answers are 30 GB a step through the queue's sockets, of
which 4 GB are enough. It was a tenth of a tiny model's step on a CPU (experiments/LOG.md).
How: the first answer of a group keeps the image in its `multi_modal_inputs`, the others name that answer there. The
agent loop's worker writes them so (rollout/agent_worker.py), the actor's worker undoes it (rl/actor.py).
"""

from typing import Any

import transfer_queue as tq
from tensordict import TensorDict
from verl.utils.tensordict_utils import assign_non_tensor_stack

FIELD = "multi_modal_inputs"
HOLDER = "image_of"


def shared(image_inputs: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """`multi_modal_inputs` of the answers with these keys in the TransferQueue."""
    if not image_inputs:
        return [{} for _ in keys]
    holder = {HOLDER: keys[0]}
    return [holder | image_inputs, *(holder for _ in keys[1:])]


def with_images(data: TensorDict) -> TensorDict:
    """`data` with its image in each answer; what another device's share of the batch holds is fetched."""
    rows = [dict(getattr(row, "data", row)) for row in data[FIELD]]
    holders = [row.pop(HOLDER, None) for row in rows]
    images = {holder: row for holder, row in zip(holders, rows, strict=True) if row}
    if elsewhere := sorted({holder for holder in holders if holder and holder not in images}):
        found = tq.kv_batch_get(keys=elsewhere, partition_id="train", select_fields=[FIELD])[FIELD]
        for holder, row in zip(elsewhere, found, strict=True):
            images[holder] = {name: value for name, value in getattr(row, "data", row).items() if name != HOLDER}
    assign_non_tensor_stack(data, FIELD, [images.get(holder, {}) for holder in holders])
    return data
