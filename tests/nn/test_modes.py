from __future__ import annotations

import pytest
from torch import nn

from hooke.nn.modes import evaluating


def test_every_module_gets_its_own_mode_back() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2)).train()
    network[2].eval()
    with pytest.raises(ValueError, match="inside"), evaluating(network):
        assert not any(module.training for module in network.modules())
        raise ValueError("inside")
    assert [module.training for module in network.modules()] == [True, True, True, False]
