"""Conformers of a file by molecule: SD files with bonds, and the Parquet of `conformers generate`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.conformers.records import perceived, read_records
from hooke.core.errors import DataError

_STATED = ("smiles", "SMILES")


@dataclass(frozen=True)
class Record:
    """A conformer.

    Attributes:
        molecule: With one conformer, and the hydrogens that the file has.
        isomer: Canonical isomeric SMILES, stereo perceived from the geometry.
        constitution: Canonical SMILES without stereo.
        stated: Canonical isomeric SMILES that the file states of it; "" where it states none.
    """

    molecule: Chem.Mol
    isomer: str
    constitution: str
    stated: str


def read_conformers(path: Path) -> tuple[list[Record], Counter[str]]:
    """The conformers of a file in order, and why other records or rows were left out.

    Raises:
        UsageError: Its suffix is of no such file.
        DataError: It cannot be read, or holds no conformer.
    """
    records: list[Record] = []
    left_out: Counter[str] = Counter()
    for molecule, _, reason in read_records(path):
        found = reason or record_of(molecule, _stated(molecule))
        if isinstance(found, Record):
            records.append(found)
        else:
            left_out[found] += 1
    if not records:
        why = "; ".join(f"{count} × {reason}" for reason, count in left_out.most_common(3))
        raise DataError(f"{path} holds no conformer{f': {why}' if why else ''}")
    return records, left_out


def record_of(molecule: Chem.Mol, stated: str = "") -> Record | str:
    """A molecule with one conformer as a record, or why it is none."""
    if why := perceived(molecule):
        return why
    with rdBase.BlockLogs():
        heavy = Chem.RemoveHs(molecule)
        Chem.AssignStereochemistryFrom3D(heavy)
        for atom in heavy.GetAtoms():
            atom.SetAtomMapNum(0)
        isomer, constitution = Chem.MolToSmiles(heavy), Chem.MolToSmiles(heavy, isomericSmiles=False)
        known = Chem.MolFromSmiles(stated) if stated else None
    return Record(molecule, isomer, constitution, "" if known is None else Chem.MolToSmiles(known))


def _stated(molecule: Chem.Mol) -> str:
    """The SMILES that a file states of a conformer."""
    try:
        return next((molecule.GetProp(name) for name in _STATED if molecule.HasProp(name)), "")
    except UnicodeDecodeError:
        return ""


def ensemble(records: list[Record]) -> Chem.Mol:
    """The conformers of records of one constitution as one molecule without hydrogens, its atoms in the order of the first record.

    Raises:
        ValueError: There are none.
    """
    if not records:
        raise ValueError("no records")
    with rdBase.BlockLogs():
        heavy = [Chem.RemoveHs(each.molecule) for each in records]
    first = heavy[0]
    places = []
    for molecule in heavy:
        positions = molecule.GetConformer().GetPositions()
        order = molecule.GetSubstructMatch(first) if molecule is not first else tuple(range(first.GetNumAtoms()))
        if len(order) != first.GetNumAtoms():  # written with other bond orders of the same constitution
            raise ValueError(f"{Chem.MolToSmiles(molecule)} is not {Chem.MolToSmiles(first)}")
        places.append(positions[list(order)])
    return with_positions(first, np.array(places))
