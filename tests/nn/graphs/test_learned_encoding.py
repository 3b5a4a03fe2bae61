"""A frozen encoder as an encoding: what the contract asks of encoders, frozen and in evaluation mode, and it is read."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.options import plain
from hooke.modalities.molecules.samples import ENCODINGS, SMILES, batch_of
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.learned_encoding import LEARNED, LearnedEncoding, source_of, with_learned
from hooke.testing.models import model_case, model_checks

READERS = ("gine", "gps", "mpnn", "grover")
CHECKS = ("interface", "widths", "items", "state_round_trip", "determinism", "odd_items", "half_precision")


def reading(name: str) -> ModuleType:
    """A registered model that reads GPSE, as the contract kit sees a model file."""
    module = registry.module("models", name)

    class Model(LearnedEncoding):
        def __init__(self, config: Any, spec: MoleculeSpec) -> None:
            encodings = replace(spec.encodings, learned="gpse:tiny")
            made: Any = with_learned(module.Model, config, replace(spec, encodings=encodings))
            super().__init__(made.encoder, made.source)

    return SimpleNamespace(  # type: ignore[return-value]
        Config=module.Config, PRESETS=module.PRESETS, Model=Model, __name__=f"{name} with gpse"
    )


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", READERS)
def test_contract(name: str, check: str) -> None:
    case = model_case(reading(name))
    model_checks(case)[check](case)


def made() -> LearnedEncoding:
    torch.manual_seed(0)
    spec = MoleculeSpec(encodings=replace(ENCODINGS, learned="gpse:tiny"))
    gine = registry.module("models", "gine")
    found = with_learned(gine.Model, gine.PRESETS["tiny"], spec)
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
    gine = registry.module("models", "gine")
    found = with_learned(gine.Model, gine.PRESETS["tiny"], MoleculeSpec(encodings=ENCODINGS))
    assert not isinstance(found, LearnedEncoding)
    assert "learned" not in plain(ENCODINGS)
    assert EncodingConfig(random_walk=3, learned="gpse:tiny").computed == EncodingConfig(random_walk=3)


def test_names() -> None:
    with pytest.raises(UsageError, match="MODEL:PRESET"):
        source_of("gpse")
    with pytest.raises(UnknownNameError, match="tiny"):
        source_of("gpse:tinny")
