"""Vision positions of answers that are all of one length survive the queue and verl's correction of their axis."""

import pytest
import torch
from tensordict import TensorDict
from verl.utils.tensordict_utils import (
    index_select_tensor_dict,
    maybe_fix_3d_position_ids,
    nested_tensor_from_tensor_list,
)

from rollout.image_store import straighten


@pytest.mark.parametrize("lengths", [(5, 5, 5), (4, 4, 4), (12, 12, 12), (5, 3, 4)])
def test_rows_are_found_again(lengths):
    rows = [torch.arange(4 * length).view(4, length) + 100 * number for number, length in enumerate(lengths)]
    if len(set(lengths)) == 1:
        packed = torch.nested.as_nested_tensor(rows, layout=torch.jagged)  # along the first axis
    else:
        packed = nested_tensor_from_tensor_list(rows, ragged_idx=2)
    data = TensorDict({"position_ids": packed}, batch_size=len(rows))
    maybe_fix_3d_position_ids(data)
    straighten(data)
    maybe_fix_3d_position_ids(data)
    found = index_select_tensor_dict(data, [2, 0])["position_ids"].unbind()
    assert all(torch.equal(a, b) for a, b in zip(found, (rows[2], rows[0]), strict=True))
