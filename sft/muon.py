"""`MuonAdamW`: Muon for the matrices of hidden layers, AdamW for everything else, behind `optimizer=muon`.

The paper trains with an "Enhanced Muon"; this is Moonlight's variant (arXiv 2502.16982, eq. 4: weight decay, and
updates scaled by 0.2 sqrt(max(rows, columns)) to AdamW's size, so that one learning rate serves both) through
`torch.optim.Muon`. Embeddings, position embeddings, the output head, norms and biases go to AdamW.

The patch embedding of the vision tower, a convolution without overlap, is a matrix too. Neighbouring pixels are alike,
so AdamW moves all of its weights one way and brightness drowns colour and position: the tiny model could not tell red
from green. Muon's update is of one size in every direction.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.optim import AdamW, Muon, Optimizer


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Whether Muon may orthogonalise it: a weight that maps features, not a table or the output head."""
    if name.endswith("patch_embed.proj.weight"):
        return True
    return parameter.ndim == 2 and not any(part in name for part in ("embed", "lm_head"))


class MuonAdamW(Optimizer):
    """One optimiser made of two; their `param_groups` are shared, so a learning-rate schedule drives both.

    Args:
        named_parameters: (name, parameter) pairs, as `module.named_parameters()` gives them.
        lr, weight_decay: of both. betas: AdamW's. momentum: Muon's (Nesterov).
    """

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, Tensor]],
        lr: float,
        weight_decay: float,
        betas: tuple[float, float] = (0.9, 0.95),
        momentum: float = 0.95,
    ):
        named = [(name, parameter) for name, parameter in named_parameters if parameter.requires_grad]
        self.sources = [parameter for _, parameter in named]
        self.locals = [_local(name, parameter) for name, parameter in named]
        matrices = [p for (name, _), p in zip(named, self.locals, strict=True) if is_hidden_matrix(name, p)]
        chosen = {id(p) for p in matrices}
        others = [p for p in self.locals if id(p) not in chosen]
        muon = Muon(matrices, lr=lr, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw")
        adamw = AdamW(others, lr=lr, weight_decay=weight_decay, betas=tuple(betas), fused=True)
        self.parts = {"muon": muon, "adamw": adamw}
        super().__init__(self.locals, {"lr": lr})
        self.param_groups = [*muon.param_groups, *adamw.param_groups]

    @torch.no_grad()
    def step(self, closure=None):
        for source, local in zip(self.sources, self.locals, strict=True):
            if local is not source:
                local.grad = None if source.grad is None else _on_device(source.grad).view_as(local)
        for part in self.parts.values():
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in (*self.sources, *self.locals):
            parameter.grad = None

    def state_dict(self) -> dict:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state_dict: dict) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state_dict[name])
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]


def _local(name: str, parameter: Tensor) -> Tensor:
    """The parameter itself, or a view of its memory in the form that the optimisers take."""
    local = _on_device(parameter)
    if is_hidden_matrix(name, parameter) and parameter.ndim > 2:
        return local.detach().flatten(1)
    return parameter if local is parameter else local.detach()


def _on_device(tensor: Tensor) -> Tensor:
    # On a mesh of one device the shard is the whole tensor; DTensor's dispatch would cost more than the update.
    return tensor.to_local() if isinstance(tensor, DTensor) and tensor.device_mesh.size() == 1 else tensor
