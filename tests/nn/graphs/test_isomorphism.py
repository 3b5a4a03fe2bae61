from __future__ import annotations

import torch

from hooke.nn.graphs.isomorphism import IsomorphismUpdate


def test_epsilon_weighs_the_own_state() -> None:
    update = IsomorphismUpdate(
        3, mlp_layers=1, normalisation="none", activation="relu", dropout=0.0, residual=False
    ).double()
    update.epsilon.data.fill_(0.5)
    states, summed = torch.randn(4, 3).double(), torch.randn(4, 3).double()
    torch.testing.assert_close(update(states, summed), torch.relu(update.mlp(1.5 * states + summed)))
