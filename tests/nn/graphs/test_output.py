from __future__ import annotations

import pytest
import torch

from hooke.nn.graphs.output import MoleculeOutput


def test_is_frozen_and_checked() -> None:
    output = MoleculeOutput(torch.zeros(3, 2), None, torch.zeros(1, 2))
    with pytest.raises(AttributeError):
        output.nodes = torch.zeros(1, 1)
    with pytest.raises(Exception, match="shape|type"):
        MoleculeOutput(torch.zeros(3), None, torch.zeros(1, 2))
