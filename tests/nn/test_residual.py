from __future__ import annotations

import torch

from hooke.nn.graphs.isomorphism import Residual


def test_sum_and_no_sum() -> None:
    states, update = torch.randn(4, 3), torch.randn(4, 3)
    changed = torch.relu(update)
    torch.testing.assert_close(Residual(3, "none", "relu", 0.0, add=True)(states, update), states + changed)
    torch.testing.assert_close(Residual(3, "none", "relu", 0.0, add=False)(states, update), changed)
    drop = Residual(3, "layer", "relu", 1.0, add=True).train()
    assert torch.equal(drop(states, update), states)
