"""The image of a group of answers, in the TransferQueue once and not with each of them.

Why: verl stores what the model sees of an image with every answer, and the answers of a group have one image. A photo
of 640 x 480 pixels is 7 MB of patches: 512 questions of 8 answers are 30 GB a step through the queue's sockets, of
which 4 GB are enough. It was a tenth of a tiny model's step on a CPU (experiments/LOG.md).
How: the first answer of a group keeps the image in its `multi_modal_inputs`, the others name that answer there. The
agent loop's worker writes them so (rollout/agent_worker.py), the actor's worker undoes it (rl/actor.py).
"""

from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from verl.utils.tensordict_utils import (
    assign_non_tensor_stack,
    nested_tensor_from_tensor_list,
    unwrap_non_tensor_data,
)

FIELD = "multi_modal_inputs"
HOLDER = "image_of"
_AXES = 4  # of positions: text, time, height, width


def shared(image_inputs: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """`multi_modal_inputs` of the answers with these keys in the TransferQueue."""
    if not image_inputs:
        return [{} for _ in keys]
    holder = {HOLDER: keys[0]}
    return [holder | image_inputs, *(holder for _ in keys[1:])]


def with_images(data: TensorDict) -> TensorDict:
    """`data` with its image in each answer; what another device's share of the batch holds is fetched."""
    straighten(data)
    rows = stored(data)
    images = held(rows)
    if elsewhere := sorted({row[HOLDER] for row in rows if row} - images.keys()):
        images |= held(stored(tq.kv_batch_get(keys=elsewhere, partition_id="train", select_fields=[FIELD])))
    assign_non_tensor_stack(data, FIELD, [images[row[HOLDER]] if row else {} for row in rows])
    return data


def straighten(data: TensorDict) -> None:
    """Vision positions, (4, L) a row, by their lengths again.

    Where all rows are of one length, the queue packs them along their first axis and verl, which corrects a lost axis
    after pickling, then names the second: the rows cannot be taken apart any more.
    """
    ids = data.get("position_ids", None)
    if isinstance(ids, torch.Tensor) and ids.is_nested and ids.dim() == 3:
        values, offsets = ids._values, ids._offsets
        if values.shape[-1] != int(offsets[-1]) or values.shape[0] != _AXES:
            rows = values.split(offsets.diff().tolist(), dim=0)
            data["position_ids"] = nested_tensor_from_tensor_list(list(rows), ragged_idx=2)


def stored(data: TensorDict) -> list[dict[str, Any]]:
    return [unwrap_non_tensor_data(row) for row in data[FIELD]]


def held(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The images among them, by the answer that holds each."""
    pictured = (row for row in rows if row.keys() > {HOLDER})
    return {row[HOLDER]: {name: value for name, value in row.items() if name != HOLDER} for row in pictured}
