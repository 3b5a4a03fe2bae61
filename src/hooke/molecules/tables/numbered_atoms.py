"""Molecules whose SMILES number their atoms, as tables with labels of atoms give them ("ordered SMILES")."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

_NUMBER = re.compile(r":(\d+)\]")


@dataclass(frozen=True)
class AtomNumbers:
    """Where the stored atoms of a molecule stood in the table's own numbering.

    Attributes:
        numbers: (atoms,) from 0.
        total: Atoms that were numbered, explicit hydrogens included.
    """

    numbers: np.ndarray
    total: int

    def choose(self, values: np.ndarray) -> np.ndarray | None:
        """The values of the stored atoms, in their order.

        Args:
            values: One value for each numbered atom, or for each heavy atom alone, in the order of the numbers.

        Returns:
            (atoms,), or None when the values fit neither way or numbers repeat.
        """
        if len(np.unique(self.numbers)) < len(self.numbers):
            return None
        if len(values) == len(self.numbers):
            return values[np.argsort(np.argsort(self.numbers))]
        return values[self.numbers] if len(values) == self.total > self.numbers.max() else None


def unnumbered(molecule: Chem.Mol, smiles: str) -> tuple[Chem.Mol, AtomNumbers]:
    """The molecule without atom numbers, its atoms in the order of its canonical SMILES, and the numbers that they had.

    Args:
        molecule: Parsed from `smiles`, hydrogens removed; its numbers are cleared.
        smiles: Numbers count from 0 or from 1. Without numbers, the order is that of the SMILES as given.
    """
    written = [int(number) for number in _NUMBER.findall(smiles)]
    numbers, total = np.arange(molecule.GetNumAtoms()), molecule.GetNumAtoms()
    if written:
        numbers = np.array([atom.GetAtomMapNum() for atom in molecule.GetAtoms()]) - min(written)
        total = len(written)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    canonical = Chem.MolToSmiles(molecule)
    order = list(molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])
    stored = None if molecule.GetStereoGroups() else Chem.MolFromSmiles(canonical)
    if stored is None or stored.GetNumAtoms() != len(order):
        stored = Chem.RenumberAtoms(molecule, order)
    return stored, AtomNumbers(numbers[order], total)
