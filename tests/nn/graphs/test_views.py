"""Views hide the share of atoms that was asked for; a subgraph hangs together."""

from __future__ import annotations

import itertools

import networkx
import pytest
import torch

from hooke.modalities.molecules.samples import LARGE, SMILES, batch_of
from hooke.nn.graphs.code_prediction import ATOM_SIZES, BOND_SIZES
from hooke.tasks.contrastive import nearest, random_view

CONNECTED = [*(smiles for smiles in SMILES if "." not in smiles), LARGE]


@pytest.mark.parametrize("share", [0.0, 0.25, 0.6, 1.0])
def test_nearest_atoms_hang_together(share: float) -> None:
    batch, generator = batch_of(CONNECTED), torch.Generator().manual_seed(0)
    chosen = nearest(batch, share, generator)
    graph = networkx.Graph(batch.edge_index.T.tolist())
    graph.add_nodes_from(range(batch.num_nodes))
    for start, end in itertools.pairwise(batch.node_offsets.tolist()):
        mine = [v for v in range(start, end) if chosen[v]]
        assert len(mine) == int(share * (end - start))
        assert not mine or networkx.is_connected(graph.subgraph(mine))
    assert share in (0.0, 1.0) or not torch.equal(chosen, nearest(batch, share, generator))


def test_views() -> None:
    batch, generator = batch_of(SMILES), torch.Generator().manual_seed(0)
    same = random_view(batch, "subgraph", 0.0, generator)
    assert torch.equal(same.atom_codes, batch.atom_codes)
    assert torch.equal(same.edge_codes, batch.edge_codes)
    for kind in ("subgraph", "masking"):
        view = random_view(batch, kind, 0.5, generator)
        hidden = view.atom_codes[:, 0] == ATOM_SIZES[0] - 1
        gone = view.edge_codes[:, 0] == BOND_SIZES[0] - 1
        assert 0.2 < float(hidden.double().mean()) < 0.8
        if kind == "subgraph":
            assert torch.equal(gone, hidden[batch.edge_index[0]] & hidden[batch.edge_index[1]])
