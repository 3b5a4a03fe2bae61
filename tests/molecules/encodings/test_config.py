"""Encodings against dense float64 references, on connected, disconnected and one-atom molecules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from hooke.core.hashing import content_hash
from hooke.core.options import plain
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.encodings import config as module
from hooke.molecules.encodings.config import (
    CYCLES,
    EIGENVALUES,
    EIGENVECTORS,
    RANDOM_WALK,
    EncodingConfig,
    Normalisation,
    _off_ties,
    add_encodings,
    adjacency_by_size,
    laplacian_spectrum,
    return_probabilities,
)
from hooke.molecules.featurise import featurise
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES

SMILES = ["CC(C)CC", "C", "[Na+].[Cl-]", "CCO.c1ccccc1", "c1ccc2ccccc2c1", "C" * 40, "C1CC1", "CC"]
FLOAT16_ENTRY, FLOAT16_VALUE = 2.5e-4, 4e-3  # the tolerances that the module states
NORMALISATIONS: tuple[Normalisation, ...] = ("none", "symmetric", "random_walk")


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


def reference_laplacian(adjacency: np.ndarray, normalisation: Normalisation) -> np.ndarray:
    """The textbook matrix, symmetric for both normalised forms (they share eigenvalues)."""
    degree = adjacency.sum(axis=1)
    laplacian = np.diag(degree) - adjacency
    if normalisation == "none":
        return laplacian
    scale = np.diag([1 / np.sqrt(d) if d else 0.0 for d in degree])
    return scale @ laplacian @ scale


def check_laplacian(
    adjacency: np.ndarray, values: np.ndarray, vectors: np.ndarray, kind: Normalisation, slack: float
) -> None:
    """Compare with float64: values one by one, vectors through the projectors onto the (near-)degenerate eigenspaces.

    Within one eigenspace any basis is right, so only projectors can be compared; a space that the number of encodings cuts
    off has none to compare with, there the eigenvalue equation and the unit length stand in.
    """
    laplacian = reference_laplacian(adjacency, kind)
    reference_values, reference_vectors = np.linalg.eigh(laplacian)
    components = int((reference_values < 1e-8).sum())
    wanted = reference_values[components : components + len(values)]
    np.testing.assert_allclose(values[: len(wanted)], wanted, atol=FLOAT16_VALUE if slack else 1e-9)
    assert not values[len(wanted) :].any()
    assert not vectors[:, len(wanted) :].any()
    vectors = vectors[:, : len(wanted)].copy()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=0), 1, atol=max(2 * slack, 1e-9))
    if kind == "random_walk":  # right eigenvectors D^-1/2 v of the symmetric form: turn them back
        vectors *= np.sqrt(adjacency.sum(axis=1))[:, None]
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), 1e-12)
    tolerance = max(8 * slack, 1e-7)
    np.testing.assert_allclose(laplacian @ vectors, vectors * wanted, atol=tolerance)
    start = 0
    while start < len(wanted):
        space = np.isclose(reference_values, wanted[start], atol=1e-6)
        end = start + int(np.isclose(wanted[start:], wanted[start], atol=1e-6).sum())
        if space.sum() == end - start:
            ours = vectors[:, start:end] @ vectors[:, start:end].T
            theirs = reference_vectors[:, space] @ reference_vectors[:, space].T
            np.testing.assert_allclose(ours, theirs, atol=tolerance)
        start = end


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("smiles", SMILES)
def test_laplacian_agrees_with_a_dense_reference(smiles: str, normalisation: Normalisation) -> None:
    config = EncodingConfig(laplacian=6, laplacian_normalisation=normalisation)
    encoded = add_encodings(arrays_of([smiles]), config)
    values = encoded.graph_encodings[EIGENVALUES][0].astype(np.float64)
    vectors = encoded.atom_encodings[EIGENVECTORS].astype(np.float64)
    check_laplacian(dense(smiles), values, vectors, normalisation, FLOAT16_ENTRY)


@st.composite
def graphs(draw: st.DrawFn) -> np.ndarray:
    """The adjacency matrix of any simple graph of up to nine nodes."""
    size = draw(st.integers(1, 9))
    upper = np.triu(np.array(draw(st.lists(st.booleans(), min_size=size**2, max_size=size**2))).reshape(size, size), 1)
    return (upper | upper.T).astype(np.float64)


@given(graphs(), st.integers(1, 10), st.sampled_from(NORMALISATIONS))
@settings(max_examples=80, deadline=None)
def test_laplacian_of_any_graph(adjacency: np.ndarray, count: int, normalisation: Normalisation) -> None:
    values, vectors = laplacian_spectrum(adjacency[None], count, normalisation)
    check_laplacian(adjacency, values[0], vectors[0], normalisation, 0.0)


@pytest.mark.parametrize("smiles", ["CCO.c1ccccc1", "C", "CC(C)(C)C", "C" * 30])
def test_large_molecules_by_their_own_route_are_the_same(monkeypatch: pytest.MonkeyPatch, smiles: str) -> None:
    walk = return_probabilities(dense(smiles)[None], 7)
    monkeypatch.setattr(module, "_LARGE", 1)
    np.testing.assert_allclose(return_probabilities(dense(smiles)[None], 7), walk, atol=1e-12)
    for normalisation in NORMALISATIONS:
        values, vectors = laplacian_spectrum(np.stack([dense(smiles)] * 2), 5, normalisation)
        for graph in range(2):
            check_laplacian(dense(smiles), values[graph], vectors[graph], normalisation, 0.0)


@pytest.mark.parametrize("smiles", SMILES)
def test_random_walk_agrees_with_powers_of_the_transition_matrix(smiles: str) -> None:
    adjacency = dense(smiles)
    degree = adjacency.sum(axis=1, keepdims=True)
    transition = np.divide(adjacency, degree, out=np.zeros_like(adjacency), where=degree > 0)
    reference = np.stack([np.diag(np.linalg.matrix_power(transition, step)) for step in range(1, 10)], axis=1)
    np.testing.assert_allclose(return_probabilities(adjacency[None], 9)[0], reference, atol=1e-12)
    encoded = add_encodings(arrays_of([smiles]), EncodingConfig(random_walk=9))
    np.testing.assert_allclose(encoded.atom_encodings[RANDOM_WALK].astype(float), reference, atol=FLOAT16_ENTRY)


@pytest.mark.parametrize("steps", [1, 2, 8, 9])
def test_compiled_random_walks_are_those_of_the_stacked_matrices(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    pytest.importorskip("numba")
    arrays, config = arrays_of(SMILES), EncodingConfig(random_walk=steps)
    route = module.compiled_route()
    assert route is not None
    compiled = route(arrays, steps)
    for rows, adjacency in adjacency_by_size(arrays):
        for row, expected in zip(rows, return_probabilities(adjacency, steps), strict=True):
            here = slice(arrays.atom_offsets[row], arrays.atom_offsets[row + 1])
            np.testing.assert_allclose(compiled[here], expected, atol=1e-14)
    fast = add_encodings(arrays, config).atom_encodings[RANDOM_WALK]
    monkeypatch.setattr(module, "compiled_route", lambda: None)
    slow = add_encodings(arrays, config).atom_encodings[RANDOM_WALK]
    np.testing.assert_allclose(fast.astype(float), slow.astype(float), atol=FLOAT16_ENTRY)


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
        np.testing.assert_allclose(
            together.atom_encodings[RANDOM_WALK][here].astype(float),
            alone.atom_encodings[RANDOM_WALK].astype(float),
            atol=FLOAT16_ENTRY,
        )
        np.testing.assert_allclose(
            together.graph_encodings[EIGENVALUES][number], alone.graph_encodings[EIGENVALUES][0], atol=FLOAT16_VALUE
        )


def test_widths_and_nothing_asked() -> None:
    config = EncodingConfig(laplacian=2, random_walk=3)
    assert config.node_widths == {EIGENVECTORS: 2, RANDOM_WALK: 3}
    assert config.graph_widths == {EIGENVALUES: 2}
    plain = add_encodings(arrays_of(["CC"]), EncodingConfig())
    assert plain.atom_encodings == plain.graph_encodings == {}
    assert sum(len(rows) for rows, _ in adjacency_by_size(arrays_of(SMILES))) == len(SMILES)


def test_every_encoding_has_its_column() -> None:
    config = EncodingConfig(
        laplacian=2, random_walk=3, heat_kernel=4, electrostatic=True, commute=True, cycles=6, functional_groups=True
    )
    encoded = add_encodings(arrays_of(SMILES), config)
    for name, width in config.node_widths.items():
        assert encoded.atom_encodings[name].shape == (len(encoded.atom_codes), width)
        assert np.isfinite(encoded.atom_encodings[name]).all()
        assert encoded.atom_encodings[name].any()
    for name, width in config.graph_widths.items():
        assert encoded.graph_encodings[name].shape == (len(SMILES), width)
        assert encoded.graph_encodings[name].any()
    benzene = SMILES.index("CCO.c1ccccc1")
    assert encoded.graph_encodings[CYCLES][benzene].tolist() == [8, 0, 0, 0, 1]
    only = add_encodings(arrays_of(["C1CC1"]), EncodingConfig(cycles=3))
    assert only.graph_encodings[CYCLES].tolist() == [[3, 1]]
    assert only.atom_encodings == {}
    with pytest.raises(ValueError, match="at least 2"):
        EncodingConfig(cycles=1)


def test_options_that_came_later_leave_old_names_alone() -> None:
    old = {"features": 2, "laplacian": 2, "laplacian_normalisation": "none", "random_walk": 3}
    assert content_hash(EncodingConfig(laplacian=2, random_walk=3)) == content_hash(old)
    assert content_hash(EncodingConfig(laplacian=2, random_walk=3, cycles=8)) != content_hash(old)


def test_what_names_no_version_of_the_codes_has_the_first() -> None:
    assert EncodingConfig.from_json({"laplacian": 2}) == EncodingConfig(features=1, laplacian=2)
    assert EncodingConfig.from_json(plain(EncodingConfig())).features == 2
    with pytest.raises(ValueError, match=r"features must be one of \[1, 2\], got 3"):
        EncodingConfig(features=3)


def test_values_halfway_between_two_of_float16_are_rounded_one_way() -> None:
    halfway = np.float64(1 + 2.0**-11)
    noisy = np.array([halfway, np.nextafter(halfway, 0), np.nextafter(halfway, 2)])
    assert len(set(np.float16(noisy))) == 2
    assert len(set(np.float16(_off_ties(noisy)))) == 1


def test_features_that_are_not_chosen_are_unknown() -> None:
    chosen = EncodingConfig(atom_features=("element", "charge"), bond_features=("order",), random_walk=2)
    smiles = ["F/C=C/F", "F/C=C\\F", "c1ccccc1[O-]"]
    first, second, third = (add_encodings(arrays_of([text]), chosen) for text in smiles)
    assert np.array_equal(first.atom_codes, second.atom_codes)  # "relation" and "stereo" tell them apart
    assert np.array_equal(first.bond_codes, second.bond_codes)
    whole = arrays_of(smiles[2:])
    for codes, all_codes, vocabularies, names in (
        (third.atom_codes, whole.atom_codes, ATOM_VOCABULARIES, chosen.atom_features),
        (third.bond_codes, whole.bond_codes, BOND_VOCABULARIES, chosen.bond_features),
    ):
        for column, vocabulary in enumerate(vocabularies):
            wanted = all_codes[:, column] if vocabulary.name in names else np.full(len(codes), vocabulary.unknown)
            assert codes[:, column].tolist() == wanted.tolist()
    encodings = add_encodings(whole, EncodingConfig(random_walk=2)).atom_encodings
    assert np.array_equal(third.atom_encodings["random_walk"], encodings["random_walk"])
    with pytest.raises(ValueError, match="no such feature: elements; valid: element, charge"):
        EncodingConfig(atom_features=("elements",))
    with pytest.raises(ValueError, match="no such feature: relation"):
        EncodingConfig(features=1, atom_features=("relation",))
    with pytest.raises(ValueError, match="coordinates of RDKit alone"):
        EncodingConfig(explicit_hydrogens=True, positions="mine.sdf")
