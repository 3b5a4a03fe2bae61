"""Segment sums against plain loops, and their gradients against finite differences and autograd's own indexing."""

from __future__ import annotations

import pytest
import torch

from hooke.nn.graphs import segment


def rows(count: int, width: int = 5, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator, dtype=torch.float64).requires_grad_()


def scattered(values: torch.Tensor, index: torch.Tensor, count: int) -> torch.Tensor:
    return values.new_zeros(count, values.shape[1]).index_add(0, index, values)


def test_edges_of(batch) -> None:
    edges = segment.edges_of(batch)
    assert edges.degree.tolist() == torch.bincount(batch.edge_index[1], minlength=batch.num_nodes).tolist()
    for v in range(batch.num_nodes):
        assert (edges.destination[edges.offsets[v] : edges.offsets[v + 1]] == v).all()


def operations(batch, edges):
    """Name -> (operation, the same with autograd's own indexing, number of input rows)."""
    nodes, count = batch.num_nodes, len(edges.source)
    return {
        "neighbour_sum": (
            lambda x: segment.neighbour_sum(x, edges),
            lambda x: scattered(x[edges.source], edges.destination, nodes),
            nodes,
        ),
        "incoming_sum": (
            lambda m: segment.incoming_sum(m, edges),
            lambda m: scattered(m, edges.destination, nodes),
            count,
        ),
        "outgoing_sum": (lambda m: segment.outgoing_sum(m, edges), lambda m: scattered(m, edges.source, nodes), count),
        "at_source": (lambda x: segment.at_source(x, edges), lambda x: x[edges.source], nodes),
        "at_destination": (lambda x: segment.at_destination(x, edges), lambda x: x[edges.destination], nodes),
        "directed_messages": (
            lambda h: segment.directed_messages(h, edges),
            lambda h: scattered(h, edges.destination, nodes)[edges.source] - h[edges.reverse],
            count,
        ),
        "graph_sum": (
            lambda x: segment.graph_sum(x, batch),
            lambda x: scattered(x, batch.node_graph, batch.num_graphs),
            nodes,
        ),
        "at_graph": (lambda g: segment.at_graph(g, batch), lambda g: g[batch.node_graph], batch.num_graphs),
    }


NAMES = (
    "neighbour_sum",
    "incoming_sum",
    "outgoing_sum",
    "at_source",
    "at_destination",
    "directed_messages",
    "graph_sum",
    "at_graph",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["molecules", "no bonds"])
def test_equals_indexing(batch, no_bonds, name: str, kind: str) -> None:
    used = batch if kind == "molecules" else no_bonds
    fast, slow, count = operations(used, segment.edges_of(used))[name]
    x = rows(count)
    weights = torch.randn(slow(x).shape, dtype=torch.float64)
    found, expected = fast(x), slow(x)
    torch.testing.assert_close(found, expected)
    (grad,) = torch.autograd.grad((found * weights).sum(), x)
    (true,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(grad, true)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions(batch, dtype: torch.dtype) -> None:
    edges = segment.edges_of(batch)
    x = rows(batch.num_nodes).detach()
    found = segment.neighbour_sum(x.to(dtype), edges)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(found.double(), segment.neighbour_sum(x, edges), rtol=tolerance, atol=tolerance)
