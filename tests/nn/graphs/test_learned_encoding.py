"""A frozen encoder as an encoding: what the contract asks of encoders, frozen and in evaluation mode, and it is read."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.options import plain
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.learned_encoding import LEARNED, LearnedEncoding, source_of, with_learned
from hooke.testing import models as contract
from hooke.testing.samples import ENCODINGS, SMILES, batch_of

READERS = ("gine", "gps", "mpnn", "grover")
CHECKS = ("interface", "batch_of_one", "state_round_trip", "determinism", "odd_molecules", "half_precision")


def reading(name: str) -> ModuleType:
    """A registered model that reads GPSE, as the contract kit sees a model file."""
    module = registry.module("models", name)

    def model(config: Any, encodings: EncodingConfig) -> nn.Module:
        from dataclasses import replace

        return with_learned(lambda seen: module.Model(config, seen), replace(encodings, learned="gpse:tiny"))

    return SimpleNamespace(  # type: ignore[return-value]
        Config=module.Config, PRESETS=module.PRESETS, Model=model, __name__=f"{name} with gpse"
    )


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", READERS)
def test_contract(name: str, check: str) -> None:
    contract.MODEL_CHECKS[check](reading(name))


def made() -> LearnedEncoding:
    torch.manual_seed(0)
    found = reading("gine").Model(registry.module("models", "gine").PRESETS["tiny"], ENCODINGS)
    assert isinstance(found, LearnedEncoding)
    return found


def test_the_source_is_read_and_never_trained() -> None:
    model, batch = made().train(), batch_of(SMILES, encodings=ENCODINGS)
    assert not model.source.training
    before = model(batch).graphs
    before.square().sum().backward()
    assert all(parameter.grad is None for parameter in model.source.parameters())
    assert any(LEARNED in name and parameter.grad.any() for name, parameter in model.encoder.named_parameters())
    with torch.no_grad():
        for parameter in model.source.parameters():
            parameter.normal_()
    assert not torch.allclose(model(batch).graphs, before)


def test_nothing_changes_without_one() -> None:
    config = registry.module("models", "gine").PRESETS["tiny"]
    found = with_learned(lambda seen: registry.module("models", "gine").Model(config, seen), ENCODINGS)
    assert not isinstance(found, LearnedEncoding)
    assert "learned" not in plain(ENCODINGS)
    assert EncodingConfig(random_walk=3, learned="gpse:tiny").computed == EncodingConfig(random_walk=3)


def test_names() -> None:
    with pytest.raises(UsageError, match="MODEL:PRESET"):
        source_of("gpse")
    with pytest.raises(UnknownNameError, match="tiny"):
        source_of("gpse:tinny")
