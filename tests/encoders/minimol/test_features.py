"""Inputs of MiniMol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from scipy.sparse.csgraph import connected_components

from hooke.encoders.minimol.features import (
    ATOMS,
    EIGENVALUES,
    EIGENVECTORS,
    WALK,
    WIDTH,
    atom_features,
    component_spectra,
    in_canonical_order,
    minimol_arrays,
    prepare_minimol,
    return_probabilities,
)
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.parse import parse

ALONE = 0.05  # an eigenvalue this far from all others has one eigenvector, but for its sign


def laplacian_of(arrays: MoleculeArrays) -> np.ndarray:
    first, second = arrays.bond_atoms.astype(int).T
    adjacency = np.zeros((len(arrays.atom_codes),) * 2)
    adjacency[first, second] = adjacency[second, first] = 1
    return np.diag(adjacency.sum(axis=1)) - adjacency


@pytest.mark.oracles
def test_equal_to_the_original_code_for_all_molecules(oracles: Path) -> None:
    """Eigenvectors of equal eigenvalues, and signs, depend on the processor: these are compared with their definition."""
    with np.load(oracles / "minimol" / "intermediates.npz") as file:
        recorded = dict(file)
    names = {EIGENVALUES: "laplacian_eigval", WALK: "rw_return_probs", ATOMS: "node_feat"}
    compared = 0
    for number, smiles in enumerate(recorded["smiles"]):
        arrays = minimol_arrays([in_canonical_order(parse(str(smiles)))])
        assert arrays.atom_codes[:, 0].tolist() == recorded[f"m{number:02d}.atomic_num"].tolist()
        ours = {name: values.astype(float) for name, values in arrays.atom_encodings.items()}
        for name, theirs in names.items():
            if (key := f"m{number:02d}.{theirs}") in recorded:
                np.testing.assert_allclose(ours[name], recorded[key].astype(float), rtol=1e-3, atol=1e-3, err_msg=key)
        values, vectors = ours[EIGENVALUES], ours[EIGENVECTORS]
        expected = recorded[f"m{number:02d}.laplacian_eigvec"].astype(float)
        laplacian = laplacian_of(arrays)
        np.testing.assert_allclose(laplacian @ vectors, vectors * values, atol=5e-3, err_msg=str(number))
        _, component = connected_components(laplacian)
        for atoms in (np.flatnonzero(component == part) for part in np.unique(component)):
            spectrum = np.linalg.eigvalsh(laplacian[np.ix_(atoms, atoms)])
            gaps = np.diff(spectrum, prepend=-np.inf, append=np.inf)
            for column in range(min(len(atoms), vectors.shape[1])):
                found, wanted = vectors[atoms, column], expected[atoms, column]
                if min(gaps[column], gaps[column + 1]) > ALONE:
                    compared += 1
                    sign = np.sign(found @ wanted)
                    np.testing.assert_allclose(found, sign * wanted, atol=2e-3, err_msg=f"{number}: {column}")
    assert compared > 100


def test_atoms_of_ethanol() -> None:
    features = atom_features(Chem.MolFromSmiles("OCC"))
    assert features.shape == (3, WIDTH)
    assert features[:, 0].tolist() == [0, 2, 2]  # degree with hydrogens - 2
    assert features[:, 5:49].argmax(axis=1).tolist() == [2, 0, 0]  # O, C, C
    assert features[:, 49:69].argmax(axis=1).tolist() == [15, 13, 13]  # groups 16 and 14
    assert features[:, 77:].argmax(axis=1).tolist() == [2, 4, 4]


@pytest.mark.parametrize(("smiles", "group"), [("[Lu]", 19), ("[La]", 3), ("[Yb]", 19), ("[Hf]", 4), ("*", 18)])
def test_groups_of_odd_elements(smiles: str, group: int) -> None:
    [features] = atom_features(Chem.MolFromSmiles(smiles))
    assert features[49:69].argmax() + 1 == group


def test_spectrum_of_each_component() -> None:
    adjacency = Chem.GetAdjacencyMatrix(Chem.MolFromSmiles("CCC.O")).astype(float)
    values, vectors = component_spectra(adjacency)
    assert np.allclose(values[:3, :3], [0, 1, 3])
    assert not values[3].any()
    assert not values[:, 3:].any()
    assert np.allclose((vectors[:3, :3] ** 2).sum(0), 1)
    assert abs(vectors[3, 0]) == 1


def test_walk_of_one_atom_and_of_an_isolated_one() -> None:
    assert return_probabilities(np.zeros((1, 1))).all()
    adjacency = Chem.GetAdjacencyMatrix(Chem.MolFromSmiles("CC.O")).astype(float)
    assert return_probabilities(adjacency)[:, :4].tolist() == [[0, 1, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]]


def test_what_is_no_molecule_is_refused_alone() -> None:
    found = prepare_minimol(["CCO", "C(", "C"])
    assert found.kept.tolist() == [0, 2]
    assert list(found.reasons) == [1]
    assert len(found.arrays) == 2
    assert found.arrays.atom_encodings[ATOMS].dtype == np.float16
    assert len(prepare_minimol(["C("]).arrays) == 0


def test_any_order_of_the_atoms_gives_the_same_inputs() -> None:
    first, second = (
        minimol_arrays([in_canonical_order(parse(text))]) for text in ("CC(=O)Nc1ccc(O)cc1", "c1cc(O)ccc1NC(C)=O")
    )
    assert len(first.bond_atoms) == len(second.bond_atoms)
    assert np.array_equal(first.atom_encodings[ATOMS], second.atom_encodings[ATOMS])
    assert np.array_equal(first.atom_encodings[EIGENVECTORS], second.atom_encodings[EIGENVECTORS])
