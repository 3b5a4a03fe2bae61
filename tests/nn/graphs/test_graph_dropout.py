"""Whole rows and whole molecules are dropped, and the mean stays."""

from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.nn.graphs.graph_dropout import GraphDropout, LayerSkip, RowDropout


def test_rows_are_dropped_whole() -> None:
    torch.manual_seed(0)
    rows, module = torch.ones(4000, 3), RowDropout(0.25, "nodes")
    found = module(rows)
    assert set(found.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert (found == found[:, :1]).all()
    assert abs(float(found.mean()) - 1) < 0.05
    assert not torch.equal(found, module(rows))
    assert module.eval()(rows) is rows


def test_molecules_are_dropped_whole() -> None:
    torch.manual_seed(0)
    batch = batch_of(["CCO", "C", "CCCC"] * 40)
    module = GraphDropout(0.5)
    found = module(torch.ones(batch.num_nodes, 2), batch)
    for molecule in range(batch.num_graphs):
        mine = found[batch.node_graph == molecule]
        assert len(mine.unique()) == 1
    assert 0.2 < float((found == 0).double().mean()) < 0.8
    everything = GraphDropout(1.0)
    assert not everything(torch.ones(batch.num_nodes, 2), batch).any()
    rows = torch.ones(batch.num_nodes, 2)
    assert everything.eval()(rows, batch) is rows


def test_molecules_go_around_a_layer_as_wholes_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    batch = batch_of(["CCO", "C", "CCCC"] * 100)
    before = torch.zeros(batch.num_nodes, 2), torch.zeros(batch.edge_index.shape[1], 3)
    after = torch.ones(batch.num_nodes, 2), torch.ones(batch.edge_index.shape[1], 3)
    skip = LayerSkip(0.5)
    nodes, edges = skip(before, after, batch)
    assert set(nodes.unique().tolist()) == {0.0, 2.0}
    assert (nodes == nodes[:, :1]).all()
    assert torch.equal(edges[:, 0], nodes[batch.edge_index[0], 0])
    assert abs(float(nodes.mean()) - 1) < 0.2
    assert not torch.equal(nodes, skip(before, after, batch)[0])
    assert skip.eval()(before, after, batch) is after
