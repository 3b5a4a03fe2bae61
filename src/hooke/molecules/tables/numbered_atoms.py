"""Molecules whose SMILES number their atoms, as tables with labels of atoms give them ("ordered SMILES").

Values of atoms stand in the order of the numbers, without numbers in that of the SMILES as written. Values of bonds stand in the order in
which RDKit reads them from the SMILES, or name their atoms, as those of pairs do: [i, j, value] with the numbers as written, without numbers
with positions in the SMILES from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from rdkit import Chem

from hooke.molecules.parse import ParseError

_NUMBER = re.compile(r":(\d+)\]")


@dataclass(frozen=True)
class AtomNumbers:
    """Where the stored atoms of a molecule stood in the table's own numbering.

    Attributes:
        numbers: (atoms,) from 0; negative for an atom without a number among numbered ones.
        total: Atoms that were numbered, explicit hydrogens included.
        least: Lowest number as written.
        written_bonds: (bonds, 2) stored atoms at the ends of each bond, in the order in which the SMILES gives them.
        stored_bonds: (bonds, 2) the same in the stored order.
    """

    numbers: np.ndarray
    total: int
    least: int = 0
    written_bonds: np.ndarray | None = None
    stored_bonds: np.ndarray | None = None

    def choose(self, values: np.ndarray) -> np.ndarray | None:
        """The values of the stored atoms, in their order.

        Args:
            values: One value for each numbered atom, or for each heavy atom alone, in the order of the numbers.

        Returns:
            (atoms,), or None when the values fit neither way, numbers repeat, or some atoms have none.
        """
        if not self._unique():
            return None
        if len(values) == len(self.numbers):
            return values[np.argsort(np.argsort(self.numbers))]
        return values[self.numbers] if len(values) == self.total > self.numbers.max() else None

    def atoms(self, values: np.ndarray) -> np.ndarray:
        """(atoms,) values in the stored order.

        Args:
            values: As in `choose`.

        Raises:
            ParseError: They do not fit.
        """
        chosen = self.choose(values) if values.ndim == 1 else None
        if chosen is None:
            self._check()
            raise ParseError(f"{len(values)} values do not fit the {len(self.numbers)} atoms")
        return chosen

    def bonds(self, values: np.ndarray) -> np.ndarray:
        """(bonds,) values in the stored order, NaN where none is given.

        Args:
            values: (bonds,) in the order of the SMILES, or (n, 3) rows of two numbers of atoms and a value.

        Raises:
            ParseError: They do not fit, or name two atoms without a bond.
        """
        assert self.stored_bonds is not None
        assert self.written_bonds is not None
        found = np.full(len(self.stored_bonds), np.nan, np.float32)
        place = {frozenset(ends): number for number, ends in enumerate(self.stored_bonds.tolist())}
        if values.ndim == 1:
            if len(values) != len(found):
                raise ParseError(f"{len(values)} values do not fit the {len(found)} bonds")
            found[[place[frozenset(ends)] for ends in self.written_bonds.tolist()]] = values
            return found
        pairs, given = self.pairs(values)
        for (left, right), value in zip(pairs.tolist(), given.tolist(), strict=True):
            number = place.get(frozenset((left, right)))
            if number is None:
                names = " and ".join(str(self.numbers[atom] + self.least) for atom in (left, right))
                raise ParseError(f"there is no bond between atoms {names}")
            found[number] = value
        return found

    def pairs(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(pairs, 2) stored atoms, the lower first, and (pairs,) values; those of hydrogens that are no atoms of the store are left out.

        Args:
            values: (n, 3) rows of two numbers of atoms and a value.

        Raises:
            ParseError: A number is that of no atom, an atom is paired with itself, or a pair has two values.
        """
        self._check()
        if values.ndim != 2:
            raise ParseError("pairs of atoms are given as [i, j, value]")
        stored = {number + self.least: atom for atom, number in enumerate(self.numbers.tolist())}
        found: dict[tuple[int, int], float] = {}
        for left, right, value in values.tolist():
            if not all(end.is_integer() and 0 <= end - self.least < self.total for end in (left, right)):
                raise ParseError(f"[{left:g}, {right:g}] names no two of the {self.total} atoms")
            if left == right:
                raise ParseError(f"atom {left:g} is paired with itself")
            if int(left) not in stored or int(right) not in stored:
                continue
            first, second = sorted((stored[int(left)], stored[int(right)]))
            if found.setdefault((first, second), value) != value:
                raise ParseError(f"atoms {left:g} and {right:g} have two values")
        return np.array(list(found), np.int64).reshape(-1, 2), np.array(list(found.values()), np.float32)

    def _unique(self) -> bool:
        return len(np.unique(self.numbers)) == len(self.numbers) and self.numbers.min() >= 0

    def _check(self) -> None:
        if not self._unique():
            raise ParseError("numbers of atoms repeat, or some atoms have none")


def unnumbered(molecule: Chem.Mol, smiles: str) -> tuple[Chem.Mol, AtomNumbers]:
    """The molecule without atom numbers, its atoms in the order of its canonical SMILES, and the numbers that they had.

    Args:
        molecule: Parsed from `smiles`, hydrogens removed; its numbers are cleared.
        smiles: Numbers count from 0 or from 1. Without numbers, the order is that of the SMILES as given.
    """
    written = [int(number) for number in _NUMBER.findall(smiles)]
    numbers, total = np.arange(molecule.GetNumAtoms()), molecule.GetNumAtoms()
    least = min(written, default=0)
    if written:
        maps = np.array([atom.GetAtomMapNum() for atom in molecule.GetAtoms()])
        numbers = np.where(np.isin(maps, written), maps - least, -1)
        total = len(written)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    canonical = Chem.MolToSmiles(molecule)
    order = list(molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])
    stored = None if molecule.GetStereoGroups() else Chem.MolFromSmiles(canonical)
    if stored is None or stored.GetNumAtoms() != len(order):
        stored = Chem.RenumberAtoms(molecule, order)
    place = np.argsort(order)
    return stored, AtomNumbers(numbers[order], total, least, place[_bonds(molecule)], _bonds(stored))


def _bonds(molecule: Chem.Mol) -> np.ndarray:
    """(bonds, 2) int64 ends of the bonds, in their order."""
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    return np.array(ends, np.int64).reshape(-1, 2)
