"""Atoms from mapped SMILES, in which every atom, hydrogens too, has a number: "[H:3][O:1][H:2]"."""

from __future__ import annotations

from typing import Any

import numpy as np
from rdkit import Chem, rdBase


def mapped_atoms(smiles: str, order: str) -> tuple[np.ndarray, int]:
    """(atoms,) atomic numbers and the total charge.

    Args:
        smiles: With explicit hydrogens.
        order: "map": atom k is the one with map number k, from 1; "smiles": as written.

    Raises:
        ValueError: It is no SMILES, or an order by map numbers is asked for and they are not 1 to the number of atoms.
    """
    parameters: Any = Chem.SmilesParserParams()
    parameters.removeHs = False
    parameters.sanitize = False
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles, parameters)
    if molecule is None or not molecule.GetNumAtoms():
        raise ValueError(f"{smiles[:60]!r} is not a SMILES")
    atoms = list(molecule.GetAtoms())
    if order == "map":
        if sorted(atom.GetAtomMapNum() for atom in atoms) != [*range(1, len(atoms) + 1)]:
            raise ValueError(f"the map numbers of {smiles[:60]!r} are not 1 to {len(atoms)}")
        atoms.sort(key=lambda atom: atom.GetAtomMapNum())
    numbers = np.array([atom.GetAtomicNum() for atom in atoms], np.uint8)
    return numbers, sum(atom.GetFormalCharge() for atom in atoms)
