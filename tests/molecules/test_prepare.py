"""The path from strings to arrays reports what it refuses."""

from __future__ import annotations

import numpy as np

from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.featurise import featurise, same_codes
from hooke.molecules.parse import StandardiseConfig, canonical_smiles, parse
from hooke.molecules.prepare import encoded, prepare
from hooke.molecules.tables.twins import twin_smiles


def test_refused_strings_are_reported_with_their_place() -> None:
    found = prepare(["OCC", "bad(", "", "C"], StandardiseConfig(), EncodingConfig(random_walk=2))
    assert found.kept.tolist() == [0, 3]
    assert found.canonical == ["CCO", "C"]
    assert set(found.reasons) == {1, 2}
    assert found.arrays.atom_encodings["random_walk"].shape == (4, 2)


def test_nothing_at_all() -> None:
    found = prepare([])
    assert len(found.arrays) == 0
    assert found.kept.tolist() == []


def test_blocks_are_joined_in_order() -> None:
    smiles = [
        "nonsense" if place % 7 == 3 else text
        for place, text in enumerate([*twin_smiles(150, seed=3), "C", "[Na+].[Cl-]"])
    ]
    found = prepare(smiles)
    kept = [place for place in range(len(smiles)) if place % 7 != 3]
    assert found.kept.tolist() == kept
    assert sorted(found.reasons) == [place for place in range(len(smiles)) if place % 7 == 3]
    assert same_codes(found.arrays, featurise([parse(smiles[place]) for place in kept]))
    assert found.canonical == [canonical_smiles(parse(smiles[place])) for place in kept]


def test_hydrogens_as_atoms_of_the_graph() -> None:
    smiles = ["CCO", "C[C@H](N)O", "[H][H]"]
    whole, heavy = (
        prepare(smiles, encodings=EncodingConfig(random_walk=2, explicit_hydrogens=explicit))
        for explicit in (True, False)
    )
    assert whole.canonical == heavy.canonical
    assert whole.arrays.atom_counts.tolist() == [9, 11, 2]
    assert whole.arrays.bond_counts.tolist() == [8, 10, 1]
    assert np.array_equal(
        whole.arrays.atom_codes[:3], heavy.arrays.atom_codes[:3]
    )  # the hydrogens of an atom are counted either way
    assert (whole.arrays.atom_codes[3:9, 0] == 1).all()
    assert not np.array_equal(
        whole.arrays.atom_encodings["random_walk"][:3], heavy.arrays.atom_encodings["random_walk"][:3]
    )
    placed = encoded([parse("CO")], EncodingConfig(explicit_hydrogens=True, positions="rdkit"))
    assert np.isfinite(placed.atom_encodings["positions"]).all()
    assert len(placed.atom_encodings["positions"]) == 6
