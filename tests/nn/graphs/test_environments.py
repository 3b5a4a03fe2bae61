"""Sums over lists of rows as a differentiable operation; what shares a row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.nn.graphs import environments as module
from hooke.nn.graphs.distinct import Distinct, group_equal
from hooke.nn.graphs.environments import Lists, Shared, applies, environments, grouped, row_sums
from hooke.nn.graphs.segment import edges_of

LISTS = Lists(np.array([1, 0, 1]), np.array([2, 0, 2, 1]), np.array([0, 3, 3, 4]))


@pytest.mark.parametrize("rectify", [False, True])
@pytest.mark.parametrize("with_base", [False, True])
def test_gradients(with_base: bool, rectify: bool) -> None:
    torch.manual_seed(0)
    base = torch.randn(2, 4, dtype=torch.float64, requires_grad=True) if with_base else None
    rows = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda b, x: row_sums(b, x, LISTS, rectify=rectify), (base, rows))


def test_threads_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_COLUMNS", 4)
    monkeypatch.setattr(module, "_LEAST_NUMBERS", 1)
    base, rows = torch.randn(2, 17, requires_grad=True), torch.randn(3, 17, requires_grad=True)
    result, threads = [], torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            sums = row_sums(base, rows, LISTS, rectify=True)
            result.append([sums, *torch.autograd.grad(sums.square().sum(), [base, rows])])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(first, second) for first, second in zip(*result, strict=True))


def test_shared_rows_expand() -> None:
    rows = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    places = np.array([2, 0, 2, 1])
    assert torch.equal(Shared(rows, places).expand(), rows[places])
    assert torch.autograd.gradcheck(lambda x: Shared(x, places).expand(), (rows,))


def test_equal_items_are_grouped() -> None:
    codes = group_equal(torch.tensor([1, 1, 1, 0]))
    values = torch.tensor([[0.5, 1.0], [0.5, 1.0], [0.5, 2.0], [0.5, 1.0]])
    result = grouped(codes, [values[:, :1], values[:, 1:]])
    assert result is not None
    assert result.group.tolist() == [0, 0, 1, 2]
    assert grouped(codes, [values.double()]) is None


def test_a_molecule_twice_costs_no_row_more(batch) -> None:  # type: ignore[no-untyped-def]
    """Classes follow from the graph alone: two copies of a batch have those of one."""
    edges = edges_of(batch)
    nodes = Distinct(torch.zeros(batch.num_nodes, 2), group_equal(batch.atom_codes[:, 0]))
    bonds = Distinct(torch.zeros(len(edges.source), 2), group_equal(batch.edge_codes[:, 0]))
    assert applies(nodes, bonds)
    result = environments(nodes, bonds, edges, 3)
    counts = [len(step.places) for step in (result.first, *result.exchanges)]
    assert counts == sorted(counts)
    assert counts[-1] < len(edges.source)
    alone = environments(nodes, bonds, edges, 3, distinct=False)
    assert [len(step.places) for step in alone.exchanges] == [len(edges.source)] * 3
    assert not applies(Distinct(nodes.rows.half()), Distinct(bonds.rows.half(), bonds.groups))
