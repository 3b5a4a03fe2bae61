"""PNA against a loop over atoms in float64, and what it does with atoms without neighbours."""

from __future__ import annotations

import math

import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.models.pna import MEAN_LOG_DEGREE, Config, Layer
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.segment import edges_of


def test_a_layer_agrees_with_a_loop_over_atoms() -> None:
    torch.manual_seed(0)
    batch = batch_of(["CC(C)(C)O", "[Na+].[Cl-]", "c1ccccc1C"])
    edges = edges_of(batch)
    config = Config(width=6, edge_width=4, normalisation="none", activation="tanh", residual=False)
    layer = Layer(config).double()
    nodes = torch.randn(batch.num_nodes, 6, dtype=torch.float64)
    bonds = torch.randn(batch.edge_index.shape[1], 4, dtype=torch.float64)
    found, _ = layer(nodes, Distinct(bonds), edges)
    for v in range(batch.num_nodes):
        arriving = (batch.edge_index[1] == v).nonzero().flatten().tolist()
        around = torch.zeros(4, 6, dtype=torch.float64)
        if arriving:
            rows = torch.stack(
                [
                    layer.own(nodes[v]) + layer.sender(nodes[batch.edge_index[0, e]]) + layer.edge(bonds[e])
                    for e in arriving
                ]
            )
            spread = (rows.var(0, correction=0) + 1e-5).sqrt()
            around = torch.stack([rows.mean(0), rows.amax(0), rows.amin(0), spread])
        around = around.flatten()
        scale = math.log(len(arriving) + 1) / MEAN_LOG_DEGREE
        weak = around / max(scale, 1e-5)
        expected = layer.update(torch.cat([nodes[v], around, around * scale, weak])).tanh()
        torch.testing.assert_close(found[v], expected, rtol=1e-10, atol=1e-10)
