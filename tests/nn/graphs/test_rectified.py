from __future__ import annotations

import pytest
import torch

from hooke.nn.graphs.distinct import group_equal
from hooke.nn.graphs.rectified import rectified_sum
from hooke.nn.graphs.segment import edges_of


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_indexing(batch, dtype: torch.dtype) -> None:
    edges = edges_of(batch)
    groups = group_equal(batch.edge_codes[:, 0])
    nodes = torch.randn(batch.num_nodes, 4, dtype=dtype, requires_grad=True)
    rows = torch.randn(len(groups.first), 4, dtype=dtype, requires_grad=True)
    found = rectified_sum(nodes, rows, groups, edges)
    messages = torch.relu(nodes[edges.source] + rows[groups.group])
    expected = torch.zeros_like(nodes).index_add(0, edges.destination, messages)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=dtype)
    for first, second in zip(
        torch.autograd.grad((found * weights).sum(), [nodes, rows]),
        torch.autograd.grad((expected * weights).sum(), [nodes, rows]),
        strict=True,
    ):
        torch.testing.assert_close(first, second)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_without_gradients_it_is_the_same(batch, dtype: torch.dtype) -> None:
    edges = edges_of(batch)
    groups = group_equal(batch.edge_codes[:, 0])
    nodes = torch.randn(batch.num_nodes, 5, dtype=dtype)
    rows = torch.randn(len(groups.first), 5, dtype=dtype)
    with torch.no_grad():
        compiled = rectified_sum(nodes, rows, groups, edges)
    torch.testing.assert_close(compiled, rectified_sum(nodes.requires_grad_(), rows, groups, edges))
    with torch.no_grad():  # a view of a wider matrix
        torch.testing.assert_close(rectified_sum(torch.cat([nodes, nodes], 1)[:, :5], rows, groups, edges), compiled)


def test_no_bonds(no_bonds) -> None:
    edges = edges_of(no_bonds)
    nodes = torch.randn(no_bonds.num_nodes, 4, requires_grad=True)
    rows = torch.zeros(0, 4, requires_grad=True)
    found = rectified_sum(nodes, rows, group_equal(no_bonds.edge_codes[:, 0]), edges)
    assert not found.any()
    found.sum().backward()
    assert not nodes.grad.any()
