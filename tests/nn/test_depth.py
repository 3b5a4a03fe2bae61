"""The levels of an encoder: stacks side by side, sequences of linear maps, what comes after."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hooke.core.errors import UsageError
from hooke.nn.depth import depth_of


class Stacked(nn.Module):
    """Three layers with a read-out for each and one for the input."""

    stacks = ("inner.layers", "readouts", "absent")
    tail = ("norm", "nothing")

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Module()
        self.inner.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
        self.readouts = nn.ModuleList(nn.Linear(2, 1) for _ in range(4))
        self.norm, self.nothing, self.token = nn.BatchNorm1d(2), None, nn.Parameter(torch.zeros(2))


def test_levels_of_stacks_side_by_side() -> None:
    depth = depth_of(Stacked())
    assert depth.count == 3
    levels = depth.levels
    assert (levels["token"], levels["readouts.0.weight"]) == (0, 0)
    assert [levels[f"inner.layers.{number}.bias"] for number in range(3)] == [1, 2, 3]
    assert [levels[f"readouts.{number}.bias"] for number in range(1, 4)] == [1, 2, 3]
    assert levels["norm.running_mean"] == levels["norm.weight"] == 4


def test_modes_by_level() -> None:
    made = Stacked()
    depth = depth_of(made)
    depth.train(3)
    assert [module.training for module in made.inner.layers] == [False, False, True]  # type: ignore[union-attr]
    assert (made.norm.training, made.training, made.readouts[0].training) == (True, False, False)
    depth.train(0)
    assert all(module.training for module in made.modules())


def test_linear_maps_of_a_sequence_are_layers() -> None:
    made = nn.Module()
    made.layers = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    assert depth_of(made).levels == {"layers.0.weight": 1, "layers.0.bias": 1, "layers.2.weight": 2, "layers.2.bias": 2}


def test_unknown_layers() -> None:
    with pytest.raises(UsageError, match="the layers of this encoder are not known"):
        depth_of(nn.Linear(2, 2))
