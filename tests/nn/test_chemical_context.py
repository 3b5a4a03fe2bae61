"""Contexts of atoms and bonds, worked out by hand and against RDKit's own neighbours."""

from __future__ import annotations

from collections import Counter

import pytest
from rdkit import Chem

from hooke.nn.chemical_context import atom_contexts, bond_contexts
from hooke.testing.samples import SMILES, batch_of

MANY = 1 << 39  # so many classes that no two contexts share one


def atoms(smiles: str) -> list[int]:
    return atom_contexts(batch_of([smiles]), MANY).tolist()


def bonds(smiles: str) -> list[int]:
    return bond_contexts(batch_of([smiles]), MANY).tolist()


def test_by_hand() -> None:
    methyl, centre, _, other = atoms("CC(=O)C")
    assert methyl == other == atoms("CC")[0]  # C_C-SINGLE1
    assert centre not in (methyl, atoms("CC(O)C")[1], atoms("CCC")[1])
    assert atoms("C")[0] != methyl
    assert len(set(bonds("CCC"))) == 1
    assert bonds("CC") != bonds("CCC")[:1]
    assert bonds("CC") != bonds("C=C")
    assert len(set(bonds("CCO"))) == 2
    assert bonds("CCO")[0] == bonds("OCC")[1]
    first, second, third = bonds("CCCC")
    assert first == third != second


@pytest.mark.parametrize("classes", [11, 1021])
def test_classes(classes: int) -> None:
    batch = batch_of(SMILES)
    for found in (atom_contexts(batch, classes), bond_contexts(batch, classes)):
        assert 0 <= int(found.min()) <= int(found.max()) < classes


def test_equal_contexts_and_no_others_share_a_number() -> None:
    words: dict[object, int] = {}
    numbers: dict[int, object] = {}
    for smiles in (*SMILES, "CC(C)(C)O", "C1CCCCC1N"):
        for kind, found in (("atom", atoms(smiles)), ("bond", bonds(smiles))):
            for word, number in zip(described(smiles, kind), found, strict=True):
                assert words.setdefault(word, number) == number
                assert numbers.setdefault(number, word) == word


def described(smiles: str, kind: str) -> list[object]:
    """The context of each atom or bond as a tuple."""
    molecule = Chem.MolFromSmiles(smiles)

    def around(atom: Chem.Atom, without: int = -1) -> tuple:
        seen = Counter(
            (bond.GetOtherAtom(atom).GetSymbol() if kind == "atom" else atom.GetSymbol(), str(bond.GetBondType()))
            for bond in atom.GetBonds()
            if bond.GetIdx() != without
        )
        return tuple(sorted(seen.items()))

    if kind == "atom":
        return [("atom", atom.GetSymbol(), around(atom)) for atom in molecule.GetAtoms()]
    found: list[object] = []
    for bond in molecule.GetBonds():
        ends = [(end.GetSymbol(), around(end, bond.GetIdx())) for end in (bond.GetBeginAtom(), bond.GetEndAtom())]
        beside = Counter()
        for _, seen in ends:
            beside.update(dict(seen))
        symbols = tuple(sorted(symbol for symbol, _ in ends))
        found.append(("bond", str(bond.GetBondType()), symbols, tuple(sorted(beside.items()))))
    return found
