from __future__ import annotations

import numpy as np
import torch

from hooke.modalities.molecules.checks import item_keys, sorted_edges
from hooke.modalities.molecules.samples import ENCODINGS, LABELS, SMILES, batch_of
from hooke.modalities.molecules.symmetries import permuted


def test_the_same_molecules_in_another_order() -> None:
    before = batch_of(SMILES, encodings=ENCODINGS, labels=LABELS)
    after, follow = permuted(before, np.random.default_rng(0))
    sorted_edges(after)
    item_keys(after)
    nodes = follow("node", torch.arange(before.num_nodes))  # the former node of each node
    bonds, edges = follow("edge", torch.arange(before.num_bonds)), follow("directed_edge", before.edge_bond)
    assert (nodes != torch.arange(len(nodes))).any()
    assert (bonds != torch.arange(len(bonds))).any()
    assert torch.equal(before.node_graph[nodes], after.node_graph)
    assert torch.equal(after.atom_codes, before.atom_codes[nodes])
    assert torch.equal(bonds[after.edge_bond], edges)
    assert torch.equal(nodes[after.edge_index], follow("directed_edge", before.edge_index.T).T)
    assert torch.equal(after.edge_codes, follow("directed_edge", before.edge_codes))
    for name, values in before.node_encodings.items():
        assert torch.equal(after.node_encodings[name], values[nodes])
    for level, order in (("node", nodes), ("edge", bonds)):
        torch.testing.assert_close(after.targets[level], before.targets[level][order], equal_nan=True)
    for level in ("graph", "pair"):
        torch.testing.assert_close(after.targets[level], before.targets[level], equal_nan=True)
        assert torch.equal(follow(level, before.targets[level][:, :0]), before.targets[level][:, :0])
    former = nodes[after.pair_index]
    assert torch.equal(former.sort(dim=0).values, before.pair_index.sort(dim=0).values)
    swapped = (former != before.pair_index).any(dim=0)
    assert 0 < swapped.sum() < len(swapped)
