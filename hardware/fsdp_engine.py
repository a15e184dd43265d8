"""verl's FSDP engine, which trains the parameters it is told to and gives the optimiser their names.

Why: Muon must tell a matrix from a table, and verl hands optimisers bare tensors. Which parameters are trained (without
the vision tower, or norms only as in "Tuning LayerNorm in Attention", arXiv 2312.11420) is a question of research.
How: importing this module registers the engine, for CPUs and, ahead of verl's, for CUDA. `trainable` among the
optimiser's settings (`optim.override_optimizer_config`) is a regular expression that is searched in parameter names.
"""

import dataclasses
import re

from torch import nn
from verl.workers.config.optimizer import build_optimizer
from verl.workers.engine.base import EngineRegistry
from verl.workers.engine.fsdp import FSDPEngineWithLMHead

from polygon.errors import UserError

BACKENDS = ["fsdp", "fsdp2"]


@EngineRegistry.register(model_type="language_model", backend=BACKENDS, device="cpu")
@EngineRegistry.register(model_type="language_model", backend=BACKENDS, device="cuda", vendor="nvidia")
class NamedParametersEngine(FSDPEngineWithLMHead):
    """The optimiser gets (name, parameter) pairs of what is trained; torch's own take them too."""

    def _build_module(self):
        module = super()._build_module()
        settings = getattr(self.optimizer_config, "override_optimizer_config", None) or {}
        if pattern := settings.get("trainable"):
            freeze_others(module, pattern)
        return module

    def _build_optimizer(self, module):
        settings = dict(self.optimizer_config.override_optimizer_config or {})
        settings.pop("trainable", None)
        config = dataclasses.replace(self.optimizer_config, override_optimizer_config=settings)
        trained = ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)
        return build_optimizer(trained, config)


def freeze_others(module: nn.Module, pattern: str) -> None:
    """Leave gradients only to parameters in whose name `pattern` is found. Raises UserError if that is none."""
    names = [name for name, _ in module.named_parameters()]
    chosen = {name for name in names if re.search(pattern, name)}
    if not chosen:
        raise UserError(
            f"optimizer trainable={pattern!r} matches none of the model's parameters, for instance {names[0]}"
        )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name in chosen)
    count = sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
    print(f"trainable={pattern!r}: {count:,} parameters in {len(chosen)} of {len(names)} tensors", flush=True)
