"""Contexts of atoms and bonds, worked out by hand and against RDKit's own neighbours."""

from __future__ import annotations

from collections import Counter

import pytest
from rdkit import Chem

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.tasks.contextual_property import atom_contexts, bond_contexts

MANY = 1 << 39  # so many classes that no two contexts share one


def atoms(smiles: str, hops: int = 1) -> list[int]:
    return atom_contexts(batch_of([smiles]), MANY, hops).tolist()


def bonds(smiles: str, hops: int = 1) -> list[int]:
    return bond_contexts(batch_of([smiles]), MANY, hops).tolist()


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


def test_two_hops_by_hand() -> None:
    assert len(set(atoms("CCCCC"))) == 2
    first, second, middle, *_ = atoms("CCCCC", hops=2)
    assert len({first, second, middle}) == 3
    assert len(set(atoms("CCCCCCC", hops=2))) == 3  # mirrored ends: 1 2 3 3 3 2 1
    assert len(set(atoms("CCCCCCC", hops=3))) == 4  # 1 2 3 4 3 2 1
    assert bonds("CCO", hops=2)[0] == bonds("OCC", hops=2)[1]
    # which order goes with which neighbour tells: N=C(C)-O and N-C(C)=O have equal parts one bond away
    assert atoms("NC(C)=O", hops=2)[1] != atoms("N=C(C)O", hops=2)[1]


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_equal_contexts_and_no_others_share_a_number(hops: int) -> None:
    words: dict[object, int] = {}
    numbers: dict[int, object] = {}
    for smiles in (*SMILES, "CC(C)(C)O", "C1CCCCC1N"):
        for kind, found in (("atom", atoms(smiles, hops)), ("bond", bonds(smiles, hops))):
            for word, number in zip(described(smiles, kind, hops), found, strict=True):
                assert words.setdefault(word, number) == number
                assert numbers.setdefault(number, word) == word


def described(smiles: str, kind: str, hops: int) -> list[object]:
    """The context of each atom or bond as a tuple."""
    molecule = Chem.MolFromSmiles(smiles)
    if hops > 1:
        words: list[object] = list(described(smiles, "atom", 1))
        for _ in range(hops - (1 if kind == "atom" else 2)):
            words = [(words[a.GetIdx()], counted(a, words)) for a in molecule.GetAtoms()]
        if kind == "atom":
            return words
        ends = [
            (str(b.GetBondType()), words[b.GetBeginAtomIdx()], words[b.GetEndAtomIdx()]) for b in molecule.GetBonds()
        ]
        return [("bond", order, tuple(sorted(pair, key=repr))) for order, *pair in ends]

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


def counted(atom: Chem.Atom, words: list[object]) -> tuple:
    """How often each (order, word of the neighbour) is around an atom."""
    seen = Counter((str(bond.GetBondType()), words[bond.GetOtherAtomIdx(atom.GetIdx())]) for bond in atom.GetBonds())
    return tuple(sorted(seen.items(), key=repr))
