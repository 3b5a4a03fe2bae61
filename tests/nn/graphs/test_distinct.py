from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from hooke.nn.graphs.distinct import Distinct, at_edges, expanded, group_equal
from hooke.nn.graphs.segment import edges_of


@given(st.lists(st.integers(-5, 5), max_size=40))
def test_groups_of_equal_keys(keys: list[int]) -> None:
    found = group_equal(torch.tensor(keys, dtype=torch.int64))
    values = sorted(set(keys))
    assert [keys[i] for i in found.first] == values
    assert [values[g] for g in found.group] == keys
    assert sorted(found.order.tolist()) == list(range(len(keys)))
    for group, value in enumerate(values):
        members = found.order[found.offsets[group] : found.offsets[group + 1]]
        assert [keys[i] for i in members] == [value] * keys.count(value)


def test_expand_and_its_gradient() -> None:
    groups = group_equal(torch.tensor([3, 1, 3, 2, 1]))
    rows = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    distinct = Distinct(rows, groups)
    found = distinct.map(torch.tanh).expand()
    torch.testing.assert_close(found, rows.tanh()[[2, 0, 2, 1, 0]])
    weights = torch.randn(5, 4, dtype=torch.float64)
    (grad,) = torch.autograd.grad((found * weights).sum(), rows)
    (expected,) = torch.autograd.grad((rows.tanh()[[2, 0, 2, 1, 0]] * weights).sum(), rows)
    torch.testing.assert_close(grad, expected)
    assert torch.equal(Distinct(rows).expand(), rows)
    assert torch.equal(expanded(rows), rows)
    assert torch.equal(expanded(distinct), distinct.expand())


def test_at_edges_with_and_without_groups(batch) -> None:
    edges = edges_of(batch)
    atoms = group_equal(batch.atom_codes[:, 0])
    bonds = group_equal(batch.edge_codes[:, 0])
    x = torch.randn(len(atoms.first), 3, dtype=torch.float64, requires_grad=True)
    e = torch.randn(len(bonds.first), 3, dtype=torch.float64, requires_grad=True)
    node, bond = Distinct(x, atoms), Distinct(e, bonds)
    few = at_edges(node, bond, edges)
    assert len(few.rows) < len(edges.source)
    many = at_edges(Distinct(node.expand()), bond, edges)
    torch.testing.assert_close(few.expand(), many.expand())
    weights = torch.randn(few.expand().shape, dtype=torch.float64)
    for first, second in zip(
        torch.autograd.grad((few.expand() * weights).sum(), [x, e]),
        torch.autograd.grad((many.expand() * weights).sum(), [x, e]),
        strict=True,
    ):
        torch.testing.assert_close(first, second)


def test_messages_are_sent_once_for_all_bonds_of_a_kind(batch) -> None:
    edges = edges_of(batch)
    kinds = group_equal(batch.edge_codes[:, 0])
    found = kinds.senders(edges)
    assert kinds.senders(edges) is found
    assert torch.equal(found.node[found.message], edges.source)
    assert torch.equal(found.kind[found.message], kinds.group)
    pairs = list(zip(found.node.tolist(), found.kind.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) < len(edges.source)
    for number, (node, kind) in enumerate(pairs):
        assert found.offsets[node] <= number < found.offsets[node + 1]
        carried = (edges.source == node) & (kinds.group == kind)
        received = found.receiver[found.receiver_offsets[number] : found.receiver_offsets[number + 1]]
        assert torch.equal(received, edges.destination[carried])
