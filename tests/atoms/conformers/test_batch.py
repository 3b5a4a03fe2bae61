"""Molecules as tensors: blocks, means, and that what is put together comes apart again."""

from __future__ import annotations

import numpy as np
import torch

from hooke.atoms.conformers.batch import conformer_batch
from hooke.atoms.conformers.graph import graph_of_smiles

SMILES = ("CO", "[He]", "CC[NH3+].[Cl-]")


def test_offsets_blocks_and_means() -> None:
    graphs = [graph_of_smiles(smiles) for smiles in SMILES]
    positions = [graph.molecule.conformers(1, 1)[0] + 5 for graph in graphs]
    batch = conformer_batch(
        graphs, positions, np.array([7, 8, 9]), starts=[np.stack([each] * 2) for each in positions], dtype=torch.float64
    )
    assert batch.offsets.tolist() == [0, 6, 7, 19]
    assert batch.starts.shape == (2, 19, 3)
    torch.testing.assert_close(batch.starts[0], batch.positions)
    torch.testing.assert_close(batch.means(batch.positions), torch.zeros(3, 3, dtype=torch.float64), atol=1e-12, rtol=0)
    blocks = batch.padded(batch.positions)
    for number, graph in enumerate(graphs):
        count = len(graph.features)
        own = batch.positions[batch.frame == number]
        torch.testing.assert_close(blocks[number, :count], own)
        assert not blocks[number, count:].any()
        np.testing.assert_allclose(batch.factors[number, :count, :count], graph.factor)
        inside = batch.bonds[:, (batch.frame[batch.bonds[0]] == number)] - batch.offsets[number]
        assert inside.T.tolist() == graph.bonds.tolist()
        np.testing.assert_allclose(
            torch.cdist(own, own),
            np.linalg.norm(positions[number][:, None] - positions[number][None], axis=-1),
            atol=1e-6,
        )
    assert batch.fragment.tolist()[7:] == [int(atom in graphs[2].molecule.fragments[1]) for atom in range(12)]
    assert batch.item_keys("atom")[1] is batch.place
