"""Labels follow the numbers of atoms, whatever the order of the SMILES."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from hooke.molecules.parse import parse
from hooke.molecules.tables.numbered_atoms import AtomNumbers, unnumbered

SMILES = ("CCO", "c1ccccc1C(=O)N", "C", "F/C=C/Cl", "[NH4+].[Cl-]", "O=C(O)[C@@H](N)CS")


@given(
    st.sampled_from(SMILES), st.randoms(use_true_random=False), st.booleans(), st.sampled_from([0, 1]), st.booleans()
)
def test_values_find_their_atoms(smiles: str, random: object, hydrogens: bool, base: int, heavy_only: bool) -> None:
    molecule = Chem.MolFromSmiles(smiles)
    full = Chem.AddHs(molecule) if hydrogens else Chem.Mol(molecule)
    heavy = [atom.GetIdx() for atom in full.GetAtoms() if atom.GetAtomicNum() > 1]
    order = list(range(full.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    if heavy_only:  # heavy atoms are numbered first
        order.sort(key=lambda index: index not in heavy)
    for number, index in enumerate(order):
        full.GetAtomWithIdx(index).SetAtomMapNum(number + base)
    text = _written(full, base)
    values = np.array([full.GetAtomWithIdx(index).GetAtomicNum() for index in order], dtype=np.float32)
    if heavy_only:
        values = values[: len(heavy)]
    stored, numbers = unnumbered(parse(text, numbered=True), text)
    chosen = numbers.choose(values)
    assert chosen is not None
    assert chosen.tolist() == [atom.GetAtomicNum() for atom in stored.GetAtoms()]
    assert Chem.MolToSmiles(stored) == Chem.MolToSmiles(molecule)
    again = Chem.MolFromSmiles(Chem.MolToSmiles(stored))
    assert [atom.GetAtomicNum() for atom in again.GetAtoms()] == [atom.GetAtomicNum() for atom in stored.GetAtoms()]


def _written(molecule: Chem.Mol, base: int) -> str:
    """With the number of every atom, 0 too (which RDKit does not write)."""
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(atom.GetAtomMapNum() + 100)
    text = Chem.MolToSmiles(molecule)
    for number in range(100, 100 + molecule.GetNumAtoms() + base):
        text = text.replace(f":{number}]", f":{number - 100}]")
    return text


def test_without_numbers_labels_follow_the_smiles_as_given() -> None:
    molecule, numbers = unnumbered(parse("OCC"), "OCC")
    assert Chem.MolToSmiles(molecule) == "CCO"
    chosen = numbers.choose(np.array([8.0, 6.1, 6.2]))
    assert chosen is not None
    assert chosen.tolist() == [6.2, 6.1, 8.0]


def test_a_molecule_that_its_own_smiles_does_not_give_back_is_renumbered(monkeypatch: pytest.MonkeyPatch) -> None:
    molecule = parse("OCC")
    monkeypatch.setattr(Chem, "MolFromSmiles", lambda _: None)
    stored, numbers = unnumbered(molecule, "OCC")
    assert [atom.GetSymbol() for atom in stored.GetAtoms()] == ["C", "C", "O"]
    assert numbers.numbers.tolist() == [2, 1, 0]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 8, 10])
def test_values_that_do_not_fit_are_refused(count: int) -> None:
    text = "[CH3:0][CH2:1][OH:2]"
    _, numbers = unnumbered(parse(text, numbered=True), text)
    assert (numbers.choose(np.zeros(count)) is None) == (count != 3)


def test_repeated_numbers_are_refused() -> None:
    assert AtomNumbers(np.array([0, 0, 1]), 3).choose(np.zeros(3)) is None
