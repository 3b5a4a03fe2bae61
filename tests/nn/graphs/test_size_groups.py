"""Every node has one place; what is spread and gathered again is what it was, with its gradient."""

from __future__ import annotations

import pytest
import torch

from hooke.modalities.molecules.samples import LARGE, SMILES, batch_of
from hooke.nn.graphs.size_groups import LEAST, size_layout


@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("smiles", [list(SMILES), ["C"], ["C", LARGE, "CC"], ["CCO", "CCN"]])
def test_layout(smiles: list[str], ratio: float) -> None:
    batch = batch_of(smiles)
    layout = size_layout(batch, ratio)
    assert sorted(int(graph) for group in layout.groups for graph in group.graphs) == list(range(len(smiles)))
    for group in layout.groups:
        sizes = batch.node_offsets.diff()[group.graphs]
        assert max(int(sizes.max()), LEAST) == group.shape[1]
        assert group.shape[1] == LEAST or float(sizes.min()) >= ratio * group.shape[1]
        assert (group.present is None) == bool((sizes == group.shape[1]).all())
        present = torch.ones_like(group.nodes, dtype=torch.bool) if group.present is None else group.present
        assert (present.sum(1) == sizes).all()
        assert (batch.node_graph[group.nodes] == group.graphs[:, None]).all()
    assert len(layout.groups) == (1 if ratio == 0 else len(layout.groups))
    torch.testing.assert_close(layout.taken[layout.place], torch.arange(batch.num_nodes))
    rows = torch.randn(batch.num_nodes, 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(layout.gather(layout.spread(rows)), rows)
    assert torch.autograd.gradcheck(lambda x: layout.gather(layout.spread(x).square()), rows)


@pytest.mark.parametrize("ratio", [0.0, 0.75])
def test_each_head_has_its_places(ratio: float) -> None:
    layout = size_layout(batch_of(["C", LARGE, "CCO"]), ratio)
    found = layout.of_heads(2)
    assert layout.of_heads(2) is found
    for parts, taken, place in ((1, found.taken, found.place), (3, found.taken_thrice, found.place_thrice)):
        expected = [
            ((node * parts + part) * 2 + head)
            for group in layout.groups
            for part in range(parts)
            for nodes in group.nodes.tolist()
            for head in range(2)
            for node in nodes
        ]
        assert taken.tolist() == expected
        torch.testing.assert_close(taken[place], torch.arange(len(layout.place) * parts * 2))
    assert found.present is not None
    assert int(found.present.sum()) == 2 * len(layout.place)


def test_empty_places_get_no_gradient() -> None:
    layout = size_layout(batch_of(["C", "CC"]), 0.0)
    rows = torch.randn(len(layout.taken), 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layout.gather, rows)
