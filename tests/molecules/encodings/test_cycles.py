"""Cycles by hand, and against all orders of all subsets of atoms."""

from __future__ import annotations

import itertools

import pytest
from rdkit import Chem

from hooke.molecules.encodings.cycles import cycle_counts, ring_cycles
from hooke.molecules.featurise import featurise


def counts(smiles: str, longest: int = 8) -> list[int]:
    return cycle_counts(featurise([Chem.MolFromSmiles(smiles)]), longest)[0].tolist()


def test_by_hand() -> None:
    assert counts("CCO") == [2, 0, 0, 0, 0, 0, 0]
    assert counts("C") == [0] * 7
    assert counts("c1ccccc1.C1CC1") == [9, 1, 0, 0, 1, 0, 0]
    assert counts("C1CC2CCC1C2") == [8, 0, 0, 2, 1, 0, 0]  # norbornane: two rings of 5 and the one of 6 around
    assert counts("c1ccc2ccccc2c1", 10) == [11, 0, 0, 0, 2, 0, 0, 0, 1]  # and the perimeter
    assert counts("C12C3C4C1C5C2C3C45", 8) == [12, 0, 6, 0, 16, 0, 6]  # cubane
    assert cycle_counts(featurise([]), 5).shape == (0, 4)


@pytest.mark.parametrize("smiles", ["C12C3C1C23", "C1CC2CC12", "C1CC2C3C1C23", "C1CC2CC1C2"])
def test_against_all_orders_of_atoms(smiles: str) -> None:
    molecule = Chem.MolFromSmiles(smiles)
    bonds = [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in molecule.GetBonds()]
    bonded = {tuple(b) for b in bonds} | {tuple(b[::-1]) for b in bonds}
    for length in range(3, 7):
        cycles = {
            frozenset(frozenset(pair) for pair in zip(order, order[1:] + order[:1], strict=True))
            for order in itertools.permutations(range(molecule.GetNumAtoms()), length)
            if all(pair in bonded for pair in zip(order, order[1:] + order[:1], strict=True))
        }
        assert ring_cycles(bonds, 6)[length] == len(cycles)
