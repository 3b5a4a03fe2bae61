"""Layout and biases of a batch."""

from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.nn.graphs.pair_bias import PairContext, bond_blocks
from hooke.nn.graphs.segment import edges_of
from hooke.nn.graphs.size_groups import size_layout


def test_bonds_stand_at_their_atoms() -> None:
    batch = batch_of(SMILES)
    layout = size_layout(batch)
    rows = torch.arange(1.0, batch.edge_index.shape[1] + 1)[:, None]
    wanted = torch.zeros(batch.num_nodes, batch.num_nodes)
    wanted[batch.edge_index[1], batch.edge_index[0]] = rows[:, 0]
    total = 0.0
    for group, block in zip(layout.groups, bond_blocks(rows, batch, layout), strict=True):
        assert block.shape == (group.shape[0], 1, group.shape[1], group.shape[1])
        pairs = wanted[group.nodes[:, :, None], group.nodes[:, None, :]]
        if group.present is not None:
            pairs = pairs * group.present[:, :, None] * group.present[:, None, :]
        assert torch.equal(block[:, 0], pairs)
        total += float(block.sum())
    assert total == float(rows.sum())


def test_biases_are_asked_for() -> None:
    batch = batch_of(["CC", "CCO", "CCN"])
    around = PairContext(2)(batch, edges_of(batch))
    assert [bias is None for bias in around.biases] == [group.present is None for group in around.layout.groups]
    for options in ({"farthest": 4}, {"bonds": True}, {"farthest": 4, "bonds": True}):
        around = PairContext(2, **options)(batch, edges_of(batch))
        assert all(bias.shape[1] == 2 for bias in around.biases)
