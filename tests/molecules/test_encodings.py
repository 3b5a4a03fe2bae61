"""Encodings against dense float64 references, on connected, disconnected and one-atom molecules."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.encodings import (
    EIGENVALUES,
    EIGENVECTORS,
    RANDOM_WALK,
    EncodingConfig,
    add_encodings,
    adjacency_by_size,
    laplacian_spectrum,
    return_probabilities,
    shortest_paths,
)
from hooke.molecules.featurise import featurise

SMILES = ["CC(C)CC", "C", "[Na+].[Cl-]", "CCO.c1ccccc1", "c1ccc2ccccc2c1", "C" * 40, "C1CC1", "CC"]
FLOAT16_ENTRY, FLOAT16_VALUE = 2.5e-4, 4e-3  # the tolerances that the module states


def arrays_of(smiles: list[str]) -> MoleculeArrays:
    return featurise([Chem.MolFromSmiles(text) for text in smiles])


def dense(smiles: str) -> np.ndarray:
    return Chem.GetAdjacencyMatrix(Chem.MolFromSmiles(smiles)).astype(np.float64)


def test_the_tree_with_known_spectra() -> None:
    adjacency = np.zeros((1, 5, 5))
    for a, b in ((0, 1), (1, 2), (2, 3), (1, 4)):
        adjacency[0, a, b] = adjacency[0, b, a] = 1
    values, _ = laplacian_spectrum(adjacency, 4)
    np.testing.assert_allclose(values[0], [0.5188, 1, 2.3111, 4.1701], atol=1e-4)
    values, _ = laplacian_spectrum(adjacency, 4, "symmetric")
    np.testing.assert_allclose(values[0], [0.4226, 1, 1.5774, 2], atol=1e-4)


@pytest.mark.parametrize("normalisation", ["none", "symmetric"])
@pytest.mark.parametrize("smiles", SMILES)
def test_laplacian_agrees_with_a_dense_reference(smiles: str, normalisation: str) -> None:
    count = 6
    adjacency = dense(smiles)
    degree = adjacency.sum(axis=1)
    laplacian = np.diag(degree) - adjacency
    if normalisation == "symmetric":
        scale = np.diag([1 / np.sqrt(d) if d else 0.0 for d in degree])
        laplacian = scale @ laplacian @ scale
    reference_values, reference_vectors = np.linalg.eigh(laplacian)
    components = len(Chem.GetMolFrags(Chem.MolFromSmiles(smiles)))
    wanted = reference_values[components : components + count]

    config = EncodingConfig(laplacian=count, laplacian_normalisation=normalisation)  # type: ignore[arg-type]
    encoded = add_encodings(arrays_of([smiles]), config)
    values = encoded.graph_encodings[EIGENVALUES][0].astype(np.float64)
    vectors = encoded.atom_encodings[EIGENVECTORS].astype(np.float64)
    np.testing.assert_allclose(values[: len(wanted)], wanted, atol=FLOAT16_VALUE)
    assert not values[len(wanted) :].any()
    assert not vectors[:, len(wanted) :].any()
    # Vectors are compared through the projectors onto the eigenspaces: within one, any basis is right.
    start = 0
    while start < len(wanted):
        end = start + 1
        while end < len(wanted) and wanted[end] - wanted[start] < 1e-6:
            end += 1
        whole = np.isclose(reference_values, wanted[start], atol=1e-6)
        if whole.sum() == end - start:  # the space is not cut off by `count`
            ours = vectors[:, start:end] @ vectors[:, start:end].T
            theirs = reference_vectors[:, whole] @ reference_vectors[:, whole].T
            np.testing.assert_allclose(ours, theirs, atol=8 * FLOAT16_ENTRY)
        start = end


@pytest.mark.parametrize("smiles", SMILES)
def test_random_walk_agrees_with_powers_of_the_transition_matrix(smiles: str) -> None:
    adjacency = dense(smiles)
    degree = adjacency.sum(axis=1, keepdims=True)
    transition = np.divide(adjacency, degree, out=np.zeros_like(adjacency), where=degree > 0)
    reference = np.stack([np.diag(np.linalg.matrix_power(transition, step)) for step in range(1, 10)], axis=1)
    np.testing.assert_allclose(return_probabilities(adjacency[None], 9)[0], reference, atol=1e-12)
    encoded = add_encodings(arrays_of([smiles]), EncodingConfig(random_walk=9))
    np.testing.assert_allclose(encoded.atom_encodings[RANDOM_WALK].astype(float), reference, atol=FLOAT16_ENTRY)


def test_one_atom_has_zeros() -> None:
    encoded = add_encodings(arrays_of(["C"]), EncodingConfig(laplacian=4, random_walk=4))
    assert not encoded.atom_encodings[EIGENVECTORS].any()
    assert not encoded.atom_encodings[RANDOM_WALK].any()
    assert not encoded.graph_encodings[EIGENVALUES].any()


def test_many_molecules_together_equal_each_alone() -> None:
    config = EncodingConfig(laplacian=3, random_walk=5)
    together = add_encodings(arrays_of(SMILES), config)
    for number, smiles in enumerate(SMILES):
        alone = add_encodings(arrays_of([smiles]), config)
        here = slice(together.atom_offsets[number], together.atom_offsets[number + 1])
        np.testing.assert_array_equal(together.atom_encodings[RANDOM_WALK][here], alone.atom_encodings[RANDOM_WALK])
        np.testing.assert_allclose(
            together.graph_encodings[EIGENVALUES][number], alone.graph_encodings[EIGENVALUES][0], atol=FLOAT16_VALUE
        )


def test_shortest_paths_agree_with_rdkit() -> None:
    offsets, distances = shortest_paths(arrays_of(SMILES))
    for number, smiles in enumerate(SMILES):
        molecule = Chem.MolFromSmiles(smiles)
        reference = Chem.GetDistanceMatrix(molecule)
        reference = np.where(reference > 1e6, 255, reference)
        ours = distances[offsets[number] : offsets[number + 1]].reshape(reference.shape)
        np.testing.assert_array_equal(ours, reference)


def test_widths_and_nothing_asked() -> None:
    config = EncodingConfig(laplacian=2, random_walk=3)
    assert config.node_widths == {EIGENVECTORS: 2, RANDOM_WALK: 3}
    assert config.graph_widths == {EIGENVALUES: 2}
    plain = add_encodings(arrays_of(["CC"]), EncodingConfig())
    assert plain.atom_encodings == plain.graph_encodings == {}
    assert sum(len(rows) for rows, _ in adjacency_by_size(arrays_of(SMILES))) == len(SMILES)
