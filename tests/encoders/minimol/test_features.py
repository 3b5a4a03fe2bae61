"""Inputs of MiniMol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

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
from hooke.molecules.parse import parse

UNLIKE_THE_ORACLE = 47  # 95 atoms: another version of the eigen-solver


@pytest.mark.oracles
def test_equal_to_the_original_code_for_all_molecules(oracles: Path) -> None:
    recorded = np.load(oracles / "minimol" / "intermediates.npz")
    names = {EIGENVALUES: "laplacian_eigval", WALK: "rw_return_probs", ATOMS: "node_feat"}
    for number, smiles in enumerate(recorded["smiles"]):
        arrays = minimol_arrays([in_canonical_order(parse(str(smiles)))])
        assert arrays.atom_codes[:, 0].tolist() == recorded[f"m{number:02d}.atomic_num"].tolist()
        for ours, theirs in names.items():
            if (key := f"m{number:02d}.{theirs}") in recorded:
                assert np.array_equal(arrays.atom_encodings[ours], recorded[key]), (number, ours)
        vectors = recorded[f"m{number:02d}.laplacian_eigvec"]
        if number != UNLIKE_THE_ORACLE:
            assert np.array_equal(arrays.atom_encodings[EIGENVECTORS], vectors), number


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
