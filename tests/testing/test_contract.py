from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from hooke.testing import contract


def test_require() -> None:
    contract.require(True, "fine")
    with pytest.raises(contract.ContractError, match="broken"):
        contract.require(False, "broken")


def test_require_equal() -> None:
    contract.require_equal(torch.ones(2), torch.ones(2) + 1e-12, "ones")
    contract.require_equal(torch.zeros(0), torch.zeros(0), "nothing")
    with pytest.raises(contract.ContractError, match="shape"):
        contract.require_equal(torch.ones(2), torch.ones(3), "ones")
    with pytest.raises(contract.ContractError, match=r"ones: differs by 0\.1"):
        contract.require_equal(torch.ones(2), torch.ones(2) + 0.1, "ones")


def test_config_must_be_a_frozen_dataclass() -> None:
    @dataclass
    class Thawed:
        width: int = 1

    for config, message in ((None, "not a dataclass"), (Thawed, "not frozen")):
        with pytest.raises(contract.ContractError, match=message):
            contract.require_frozen_config(SimpleNamespace(__name__="m", Config=config))


def test_resolve_module() -> None:
    module = contract.resolve_module("models", "gin")
    assert module.__name__ == "hooke.models.gin"
    assert contract.resolve_module("models", module) is module


def test_seeded() -> None:
    assert torch.equal(torch.rand(3, generator=contract.seeded(1)), torch.rand(3, generator=contract.seeded(1)))
