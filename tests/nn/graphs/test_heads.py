from __future__ import annotations

import pytest
import torch

from hooke.core.label import Label
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.nn.graphs.heads import Head, first_edges
from hooke.nn.graphs.output import MoleculeOutput


@pytest.fixture(scope="module")
def labelled():
    return batch_of(SMILES, labels=[Label("a", "pair")])


def output(batch, edge_width: int) -> MoleculeOutput:
    edges = torch.randn(len(batch.edge_bond), edge_width) if edge_width else None
    return MoleculeOutput(torch.randn(batch.num_nodes, 6), edges, torch.randn(batch.num_graphs, 5))


@pytest.mark.parametrize("edge_width", [0, 4])
@pytest.mark.parametrize("level", ["graph", "node", "edge", "pair"])
def test_one_row_an_item(labelled, level, edge_width) -> None:
    head = Head(level, (6, edge_width, 5), outputs=3, labels=2, hidden_layers=2, hidden_width=7, dropout=0.1)
    items = {
        "graph": labelled.num_graphs,
        "node": labelled.num_nodes,
        "edge": labelled.num_bonds,
        "pair": labelled.pair_index.shape[1],
    }
    assert head(output(labelled, edge_width), labelled).shape == (items[level], 3)
    assert head.mean.shape == head.std.shape == (2,)
    assert head.log_variance is None


def test_linear_head_and_uncertainty(labelled) -> None:
    head = Head("graph", (6, 0, 5), outputs=1, labels=1, hidden_layers=0, uncertainty=True)
    assert [tuple(p.shape) for p in head.layers.parameters()] == [(1, 5), (1,)]
    assert head.log_variance.tolist() == [0]


def test_first_edges(labelled) -> None:
    first = first_edges(labelled)
    assert torch.equal(labelled.edge_bond[first], torch.arange(labelled.num_bonds))


@pytest.mark.parametrize("edge_width", [0, 4])
def test_bonds_have_no_direction(labelled, edge_width) -> None:
    """Swapping the states of the two directions of every bond changes nothing."""
    head = Head("edge", (6, edge_width, 5), outputs=1, labels=1)
    found = output(labelled, edge_width)
    swapped = MoleculeOutput(
        found.nodes, None if found.edges is None else found.edges[labelled.edge_reverse], found.graphs
    )
    assert torch.equal(head(found, labelled), head(swapped, labelled))
