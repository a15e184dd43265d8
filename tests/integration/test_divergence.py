"""An update whose gradient is no sound one ends the run and leaves its batch; sound ones pass."""

import pytest
import torch
from verl.utils import tensordict_utils

from polygon.errors import UserError
from rl.divergence import LARGEST_GRAD_NORM, WATCHED, check_update


def batch():
    rows = torch.nested.as_nested_tensor([torch.tensor([1, 2]), torch.tensor([3])], layout=torch.jagged)
    data = tensordict_utils.get_tensordict({"responses": rows}, {})
    tensordict_utils.assign_non_tensor_stack(data, "uid", ["a", "b"])
    return data


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (WATCHED[0], float("nan")),
        (WATCHED[0], float("inf")),
        (WATCHED[0], 2 * LARGEST_GRAD_NORM),
        (WATCHED[1], float("nan")),
    ],
)
def test_a_run_that_diverges_stops_and_leaves_its_batch(tmp_path, name, value):
    with pytest.raises(UserError, match=rf"step 7: {name} is .*lower actor_rollout_ref\.actor\.optim\.lr"):
        check_update(dict.fromkeys(WATCHED, 0.5) | {name: value}, 7, tmp_path / "run", batch)
    saved = torch.load(tmp_path / "run/diverged_step7.pt", weights_only=True)
    assert [row.tolist() for row in saved["responses"]] == [[1, 2], [3]] and saved["uid"] == ["a", "b"]


def test_a_sound_update_passes(tmp_path):
    check_update({WATCHED[0]: 0.7, WATCHED[1]: -3.0}, 1, tmp_path, batch)
    assert not list(tmp_path.iterdir())
