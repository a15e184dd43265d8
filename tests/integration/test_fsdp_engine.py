"""The FSDP engine: verl finds it on a CPU and on CUDA, and only what is named is trained."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim import AdamW
from verl.workers.config.optimizer import FSDPOptimizerConfig
from verl.workers.engine.base import EngineRegistry

from hardware.fsdp_engine import PolygonEngine, freeze_others
from polygon.errors import UserError


def model() -> nn.Module:
    return nn.ModuleDict({"visual": nn.Linear(2, 2), "language": nn.Linear(2, 2), "norm": nn.LayerNorm(2)})


def optimizer(module: nn.Module, **settings) -> torch.optim.Optimizer:
    config = FSDPOptimizerConfig(lr=0.1, override_optimizer_config=settings or None)
    return PolygonEngine._build_optimizer(SimpleNamespace(optimizer_config=config), module)


def test_verl_finds_it_for_the_cpu_and_ahead_of_its_own_for_cuda(monkeypatch):
    assert EngineRegistry.get_engine_cls("language_model", "fsdp2") is PolygonEngine
    monkeypatch.setenv("VERL_ENGINE_DEVICE", "cuda")
    monkeypatch.setenv("VERL_ENGINE_VENDOR", "nvidia")
    assert EngineRegistry.get_engine_cls("language_model", "fsdp2") is PolygonEngine


def test_only_what_is_named_is_trained():
    module = model()
    freeze_others(module, "norm|language.*weight")
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert trained == {"language.weight", "norm.weight", "norm.bias"}
    before = {name: parameter.clone() for name, parameter in module.named_parameters()}
    adamw = optimizer(module, trainable="norm|language.*weight", amsgrad=True)
    assert isinstance(adamw, AdamW) and adamw.defaults["amsgrad"]
    module["norm"](module["language"](module["visual"](torch.tensor([[1.0, 2.0]])))).square().sum().backward()
    adamw.step()
    moved = {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved and moved <= trained


def test_without_a_pattern_all_are_trained():
    assert len(optimizer(model()).param_groups[0]["params"]) == 6


def test_a_pattern_found_nowhere_is_an_error():
    with pytest.raises(UserError, match=r"trainable='decoder'.*visual.weight"):
        freeze_others(model(), "decoder")
