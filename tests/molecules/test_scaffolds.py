"""Murcko scaffolds, by RDKit and by removing ends."""

from __future__ import annotations

import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from hooke.molecules import scaffolds
from hooke.molecules.held_out import part_key
from hooke.molecules.scaffolds import LARGE, murcko_scaffold, pruned, scaffold_smiles
from hooke.molecules.tables.twins import twin_smiles

ODD = [
    "C", "CCO", "c1ccccc1", "CC1=CC(=O)C=C1", "O=C1CCCCC1=CC", "CC(=C1CCCC1)C2CC2", "Cn1cccc1", "Cc1ccc[nH]1", "C[n+]1ccccc1C",
    "C[C@H]1CCN[C@@H](C)C1", "C/C=C/C1CC1", "C1CC1.CCO.c1ccncc1CC2CC2", "CC12CC1C2", "C1CC11CC1", "CC(C)(C1CC1)C2CC2",
    "C1CC1C(C)C(C)C(=O)C2CC2", "[Na+].[O-]c1ccccc1", "C[c+]1cccccc1", "CS(=O)(=O)C1CCS(=O)(=O)C1", "C[P@](=O)(C1CC1)c1ccccc1",
    "c1ccc2c(c1)CC3(C2)CCC3C", "C1CC1[Si](C)(C)C2CC2", "[NH3]->[Pt](Cl)(Cl)<-[NH3]", "C1CC1C#CC2CC2", "N#CC1CC1", "O=C=C1CC1", "[H][H]",
    "C[C@@H](C1CC1)[C@H](O)C1CC1", "CN(C)C1=NC=CS1", "FC1(F)CC1(Cl)C=C2CC2",
]  # fmt: skip


def test_scaffolds() -> None:
    assert murcko_scaffold("CCc1ccccc1CC2CC2") == "c1ccc(CC2CC2)cc1"
    assert murcko_scaffold("CCO") == ""
    assert murcko_scaffold("C[C@H]1CCCNC1") == murcko_scaffold("C[C@@H]1CCCNC1")
    assert murcko_scaffold("[CH3:1][c:2]1[cH:3]cccc1") == "c1ccccc1"
    with pytest.raises(ValueError, match="not a valid SMILES"):
        murcko_scaffold("C1C")


@pytest.mark.parametrize("chirality", [False, True])
def test_removing_ends_gives_the_scaffolds_of_rdkit(chirality: bool) -> None:
    for smiles in [*ODD, *twin_smiles(300, seed=0)]:
        molecule = Chem.MolFromSmiles(smiles)
        expected = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=chirality)
        assert Chem.MolToSmiles(pruned(molecule), chirality) == expected, smiles


PEPTIDE = "".join(["NCC(=O)", "N[C@@H](Cc1ccccc1)C(=O)", "N1CCC[C@H]1C(=O)", "N[C@@H](CC(C)C)C(=O)"] * 13) + "O"


@pytest.mark.parametrize("chirality", [False, True])
def test_large_molecules_have_the_scaffolds_of_rdkit_too(chirality: bool) -> None:
    molecule = Chem.MolFromSmiles(PEPTIDE)
    assert molecule.GetNumAtoms() > LARGE
    expected = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=chirality)
    assert scaffold_smiles(molecule, include_chirality=chirality) == expected
    assert part_key(molecule) == MurckoScaffold.MurckoScaffoldSmiles(mol=molecule)


def test_the_work_grows_with_the_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bond is looked at a fixed number of times, where RDKit walks from every ring to every other."""
    looked: list[int] = []
    real = scaffolds._held_by_double_bond
    monkeypatch.setattr(
        scaffolds, "_held_by_double_bond", lambda atom, kept: looked.append(atom.GetIdx()) or real(atom, kept)
    )
    large = Chem.MolFromSmiles("N[C@@H](Cc1ccccc1)C(=O)" * 400 + "O")  # minutes with the shortest paths
    assert large.GetNumAtoms() > 4000
    found = Chem.MolFromSmiles(scaffold_smiles(large))
    assert found.GetRingInfo().NumRings() == 400
    assert len(looked) == len(set(looked)) < large.GetNumAtoms()
