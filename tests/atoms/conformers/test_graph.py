"""The prior of a molecule against the pseudo-inverse of its Laplacian; features that do not depend on the order of bonds."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.graph import FEATURES, MoleculeGraph, graph_of_smiles, laplacian, prior_factor
from hooke.atoms.etkdg import EmbeddedMolecule


@pytest.mark.parametrize("smiles", ["CC(=O)NC1CC1", "CC[NH3+].[Cl-]", "O.O.[Na+].[Cl-]", "[He]", "[H][H]"])
def test_the_factor_is_a_root_of_the_pseudo_inverse(smiles: str) -> None:
    graph = MoleculeGraph.of(EmbeddedMolecule.of(Chem.MolFromSmiles(smiles), several=True))
    matrix = laplacian(len(graph.features), graph.bonds)
    np.testing.assert_allclose(graph.factor @ graph.factor.T, np.linalg.pinv(matrix), atol=1e-9)
    for atoms in graph.molecule.fragments:  # each is centred
        np.testing.assert_allclose(graph.factor[atoms].sum(axis=0), 0, atol=1e-9)
    assert np.isfinite(graph.factor).all()


def test_covariance_of_draws_by_hand() -> None:
    """A chain of three: L⁺ = [[5, -1, -4], [-1, 2, -1], [-4, -1, 5]] / 9."""
    factor = prior_factor(3, np.array([[0, 1], [1, 2]]))
    np.testing.assert_allclose(factor @ factor.T, np.array([[5, -1, -4], [-1, 2, -1], [-4, -1, 5]]) / 9, atol=1e-12)


def test_features_tell_hands_apart_and_nothing_else_of_mirror_images() -> None:
    one, other = graph_of_smiles("C[C@H](F)Cl"), graph_of_smiles("C[C@@H](F)Cl")
    assert one.features.shape == (8, FEATURES)
    np.testing.assert_array_equal(one.features[:, 1:], other.features[:, 1:])
    assert sorted(one.features[:, 0].tolist())[-1] == -sorted(other.features[:, 0].tolist())[0] == 1
    ring = graph_of_smiles("c1ccccc1")
    assert ring.features[:6, 7:].tolist() == [[1, 1, 1]] * 6
    with pytest.raises(ValueError, match="not a valid SMILES"):
        graph_of_smiles("C1CC")
