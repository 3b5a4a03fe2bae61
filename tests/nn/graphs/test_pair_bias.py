"""Shortest paths on the device against RDKit's; kernels and distances by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rdkit import Chem

from hooke.modalities.molecules.samples import LARGE, SMILES, batch_of
from hooke.nn.graphs.pair_bias import DistanceBias, GaussianKernels, PathBias, shortest_path_codes
from hooke.nn.graphs.size_groups import size_layout


@pytest.mark.parametrize("farthest", [3, 300])
def test_shortest_paths_agree_with_rdkit(farthest: int) -> None:
    smiles = [*SMILES, LARGE]
    batch = batch_of(smiles)
    layout = size_layout(batch)
    blocks = shortest_path_codes(batch, layout, farthest)
    for group, block in zip(layout.groups, blocks, strict=True):
        for graph, codes in zip(group.graphs.tolist(), block.numpy(), strict=True):
            size = int(batch.node_offsets[graph + 1] - batch.node_offsets[graph])
            wanted = Chem.GetDistanceMatrix(Chem.MolFromSmiles(smiles[graph]))  # 1e8 where there is no path
            assert len(wanted) == size
            expected = np.where(wanted > len(wanted), farthest + 1, np.minimum(wanted, farthest))
            np.testing.assert_array_equal(codes[:size, :size], expected)
    bias = PathBias(2, farthest)
    torch.testing.assert_close(bias(batch, layout)[0][0, :, 0, 0], bias.rows.weight[0])


def test_kernels_by_hand() -> None:
    kernels = GaussianKernels(2).double()
    kernels.centre.data, kernels.width.data = torch.tensor([0.0, 1.0]).double(), torch.tensor([0.99, -0.49]).double()
    found = kernels(torch.tensor([1.0]).double())
    expected = [0.1 * math.exp(-0.5) / math.sqrt(2 * math.pi), 0.1 / (math.sqrt(2 * math.pi) * 0.5)]
    torch.testing.assert_close(found, torch.tensor([expected]).double())


def test_empty_places_do_not_count() -> None:
    torch.manual_seed(0)
    batch = batch_of(["C", "CCCC"])
    positions = torch.randn(5, 3)
    module = DistanceBias(2, 4)
    _, together = module(positions, size_layout(batch, 0.0))
    _, apart = module(positions, size_layout(batch, 1.0))
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(together[0], module.kernels(torch.zeros(1))[0])
