from __future__ import annotations

import pytest
import torch

from hooke.nn.graphs.pooling import Pooling


@pytest.mark.parametrize(
    ("kind", "pool"),
    [
        ("sum", lambda rows: rows.sum(0)),
        ("mean", lambda rows: rows.mean(0)),
        ("max", lambda rows: rows.max(0).values),
        ("scaled_sum", lambda rows: rows.sum(0) / 100),
    ],
)
def test_equals_a_loop(batch, kind, pool) -> None:
    nodes = torch.randn(batch.num_nodes, 3, dtype=torch.float64, requires_grad=True)
    found = Pooling(kind)(nodes, batch)
    expected = torch.stack([pool(nodes[batch.node_graph == graph]) for graph in range(batch.num_graphs)])
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=torch.float64)
    torch.testing.assert_close(*(torch.autograd.grad((rows * weights).sum(), nodes)[0] for rows in (found, expected)))
