"""Shortest paths against RDKit's, by both routes."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.molecules.encodings import shortest_paths as module
from hooke.molecules.encodings.shortest_paths import FARTHEST, UNREACHABLE, shortest_paths
from hooke.molecules.prepare import prepare

SMILES = ["CC(C)CC", "C", "[Na+].[Cl-]", "CCO.c1ccccc1", "C12C3C4C1C5C2C3C45", "C" * 140, "C1CC1", "c1ccc2ccccc2c1"]


@pytest.mark.parametrize("large", [1, 128, 10_000])
def test_distances_agree_with_rdkit(monkeypatch: pytest.MonkeyPatch, large: int) -> None:
    monkeypatch.setattr(module, "_LARGE", large)
    offsets, distances = shortest_paths(prepare(SMILES).arrays)
    for number, smiles in enumerate(SMILES):
        reference = Chem.GetDistanceMatrix(Chem.MolFromSmiles(smiles))
        ours = distances[offsets[number] : offsets[number + 1]].reshape(reference.shape)
        np.testing.assert_array_equal(ours, np.where(reference > 1e6, UNREACHABLE, reference))


def test_far_is_not_out_of_reach() -> None:
    _, distances = shortest_paths(prepare(["C" * 300 + ".C"]).arrays)
    matrix = distances.reshape(301, 301)
    assert matrix[0, 253] == 253
    assert (matrix[0, 254:300] == FARTHEST).all()
    assert matrix[0, 300] == UNREACHABLE


def test_no_molecules() -> None:
    offsets, distances = shortest_paths(prepare([]).arrays)
    assert offsets.tolist() == [0]
    assert len(distances) == 0
