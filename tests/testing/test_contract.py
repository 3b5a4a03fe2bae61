from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from hooke.nn.contract import ContractError
from hooke.testing import contract


@dataclass
class Thawed:
    width: int = 1


@dataclass(frozen=True)
class Needy:
    width: int


@dataclass(frozen=True)
class Sound:
    widths: dict = field(default_factory=dict)
    width: int = 1


def test_config_must_be_a_frozen_dataclass_with_defaults() -> None:
    contract.require_frozen_config(SimpleNamespace(__name__="m", Config=Sound))
    for config, message in ((None, "not a dataclass"), (Thawed, "not frozen"), (Needy, "width has no default")):
        with pytest.raises(ContractError, match=message):
            contract.require_frozen_config(SimpleNamespace(__name__="m", Config=config))


def test_resolve_module() -> None:
    module = contract.resolve_module("models", "gin")
    assert module.__name__ == "hooke.models.gin"
    assert contract.resolve_module("models", module) is module


def test_stated_modality() -> None:
    assert contract.stated_modality(contract.resolve_module("models", "vit").Model, "vit").name == "images"
    for about in (SimpleNamespace(), SimpleNamespace(modality="smells")):
        with pytest.raises(
            ContractError, match=r"toy: modality is .* none of atoms, cells, conformers, diffraction, images, molecules"
        ):
            contract.stated_modality(about, "toy")
