"""MuonAdamW: who optimises what, one schedule for both, and a state that survives a round trip."""

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from sft.muon import MuonAdamW, is_hidden_matrix


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(8, 4)
        self.hidden = nn.Linear(4, 4)
        self.lm_head = nn.Linear(4, 8, bias=False)

    def forward(self, tokens):
        return self.lm_head(torch.tanh(self.hidden(self.embed_tokens(tokens))))


def trained(steps: int, state: dict | None = None, start: Model | None = None):
    torch.manual_seed(0)
    model = Model()
    if start is not None:
        model.load_state_dict(start.state_dict())
    optimizer = MuonAdamW(model.named_parameters(), lr=0.02, weight_decay=0.01)
    if state is not None:
        optimizer.load_state_dict(state)
    tokens = torch.arange(8)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(tokens), tokens)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, optimizer, losses


def test_only_hidden_matrices_go_to_muon():
    chosen = [name for name, parameter in Model().named_parameters() if is_hidden_matrix(name, parameter)]
    assert chosen == ["hidden.weight"]


def test_a_patch_embedding_is_updated_evenly_in_every_direction():
    """Bright patches alone would move all weights one way; the update has one size in both directions there are."""
    model = nn.ModuleDict({"patch_embed": nn.ModuleDict({"proj": nn.Conv3d(3, 2, (1, 2, 2), (1, 2, 2))})})
    weight = model["patch_embed"]["proj"].weight
    before = weight.detach().clone()
    optimizer = MuonAdamW(model.named_parameters(), lr=0.1, weight_decay=0.0)
    pixels = torch.ones(2, 3, 1, 2, 2)
    pixels[0, 0] = 0.9  # the colours differ by a tenth, the brightness hardly
    out = model["patch_embed"]["proj"](pixels).flatten(1)
    (out * torch.tensor([[1.0, 0.0], [0.0, 1.0]])).sum().backward()
    assert torch.linalg.svdvals(weight.grad.flatten(1))[1] < 0.05 * torch.linalg.svdvals(weight.grad.flatten(1))[0]
    optimizer.step()
    strong, weak = torch.linalg.svdvals((weight - before).flatten(1)).tolist()
    assert 0 < strong < 2 * weak


def test_it_learns():
    _, _, losses = trained(60)
    assert losses[-1] < 0.5 * losses[0]


def test_a_schedule_drives_both_parts():
    _, optimizer, _ = trained(1)
    scheduler = LambdaLR(optimizer, lambda step: 0.5)
    scheduler.step()
    assert {group["lr"] for part in optimizer.parts.values() for group in part.param_groups} == {0.01}


def test_state_round_trip_continues_the_same_run():
    whole, _, _ = trained(6)
    half, optimizer, _ = trained(3)
    resumed, _, _ = trained(3, state=optimizer.state_dict(), start=half)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(a, b)
