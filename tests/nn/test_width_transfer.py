"""μP: equal to the standard parametrisation at the base width, the published factors elsewhere, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.width_transfer import rate_factors, transfer_width
from hooke.tasks import multitask


def chain(width: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, width), nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, 3))


def test_the_base_is_left_as_it_is() -> None:
    network, same = chain(16), chain(16)
    transfer_width(network, chain(16))
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), same.parameters(), strict=True))
    assert set(rate_factors(network).values()) == {1.0}
    assert rate_factors(same) == {}


def test_table_3_of_the_paper() -> None:
    network, standard = chain(64), chain(64)
    with torch.device("meta"):
        base = chain(16)
    transfer_width(network, base)
    rates = rate_factors(network)
    assert {name: rates[f"{name}.weight"] for name in "0123"} == {"0": 1.0, "1": 1.0, "2": 0.25, "3": 0.25}
    assert {rates[f"{name}.bias"] for name in "0123"} == {1.0}
    factors = {
        name: float(parameter.detach().norm() / before.detach().norm())
        for (name, parameter), before in zip(network.named_parameters(), standard.parameters(), strict=True)
        if not name.startswith("1.")
    }
    assert factors == pytest.approx(
        {"0.weight": 1, "0.bias": 1, "2.weight": 1, "2.bias": 2, "3.weight": 0.5, "3.bias": 2}, rel=1e-6
    )


def test_a_base_of_another_depth_is_refused() -> None:
    with pytest.raises(UsageError, match="other layers"):
        transfer_width(chain(16), nn.Linear(8, 3))


@pytest.mark.parametrize("name", ["gps", "grover"])
def test_heads_keep_their_width(name: str) -> None:
    module = registry.module("models", name)
    spec = MoleculeSpec((Label("a"),))
    task = multitask.Task(multitask.Config(), spec)

    def network(width: int, heads: int) -> nn.Module:
        return task.network(module.Model(module.Config(width=width, depth=2, heads=heads), spec))

    with pytest.raises(UsageError, match="change `heads` with `width`"):
        transfer_width(network(32, 2), network(16, 2))
    if name == "gps":
        transfer_width(network(32, 4), network(16, 2))
