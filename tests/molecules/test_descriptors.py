"""Descriptors are finite for every molecule."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors
from rdkit.Chem.EState.EState import EStateIndices

from hooke.molecules.descriptors import (
    DESCRIPTORS,
    QUICK_DESCRIPTORS,
    baseline_features,
    electrotopological_states,
    quick_descriptors,
    rdkit_descriptors,
)


def test_finite_also_for_strange_molecules() -> None:
    found = rdkit_descriptors(["CCO", "[Na+].[Cl-]", "C", "*", "C" * 80])
    assert found.shape == (5, len(DESCRIPTORS))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 1e6
    names = [name for name, _ in DESCRIPTORS]
    assert found[0, names.index("MolWt")] == pytest.approx(46.069, abs=0.01)


def test_features_are_counts_beside_descriptors() -> None:
    assert baseline_features(["CCO"]).shape == (1, 2048 + len(DESCRIPTORS))
    with pytest.raises(ValueError, match="not a valid"):
        rdkit_descriptors(["C("])


def test_quick_descriptors_have_their_names_and_say_what_is_undefined() -> None:
    found = quick_descriptors([Chem.MolFromSmiles(smiles) for smiles in ("CCO", "c1ccccc1", "[Pt]")])
    assert found.shape == (3, len(QUICK_DESCRIPTORS)) == (3, 304)
    assert len(set(QUICK_DESCRIPTORS)) == 304
    assert found[0, QUICK_DESCRIPTORS.index("exactmw")] == pytest.approx(46.0419, abs=1e-3)
    assert found[1, QUICK_DESCRIPTORS.index("NumAromaticRings")] == 1
    assert found[1, QUICK_DESCRIPTORS.index("mqn_1")] == 6  # carbon atoms
    assert np.isfinite(found[:2]).all()
    assert not np.isinf(found).any()
    assert quick_descriptors([]).shape == (0, 304)


def test_descriptors_of_a_large_molecule_take_no_minutes() -> None:
    """Those that grow with the third power are left out, and one that overflows is no error."""
    names = [name for name, _ in DESCRIPTORS]
    small, large = (rdkit_descriptors(["NCC(=O)" * count + "O"])[0] for count in (50, 600))
    for name in ("AvgIpc", "BertzCT", "MaxAbsEStateIndex", "BCUT2D_MWHI"):
        assert small[names.index(name)] != 0
        assert large[names.index(name)] == 0
    assert large[names.index("NumHAcceptors")] > 500
    assert np.isfinite(large).all()


def test_electrotopological_states_and_what_follows_from_them_are_rdkits() -> None:
    smiles = [
        "CC(N)C(=O)[O-].[Na+]",
        "C",
        "[Na+].[Cl-]",
        "FC(F)(F)c1ccc(cc1)S(=O)(=O)N1CCOCC1",
        "C[Si](C)(C)Br",
        "[2H]C([2H])Cl",
    ]
    named = {name: function for name, function in Descriptors.descList if "EState" in name}
    for molecule in map(Chem.MolFromSmiles, smiles):
        np.testing.assert_allclose(electrotopological_states(molecule), EStateIndices(Chem.Mol(molecule)), atol=1e-12)
    ours = rdkit_descriptors(smiles, [(name, function) for name, function in DESCRIPTORS if name in named])
    theirs = [[function(Chem.MolFromSmiles(text)) for function in named.values()] for text in smiles]
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
