"""Conformers of a file by molecule: SD files with bonds, and the Parquet of `conformers generate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase

from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.formats import format_of, sdf
from hooke.core.errors import DataError, UsageError
from hooke.core.reading import reading
from hooke.modalities.atoms.export import table_rows
from hooke.workflows.conformer_generation import molecule_with_hydrogens

SUFFIXES = (".sdf", ".sd", ".parquet")
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
    suffix = path.suffix.lower()
    if suffix != ".parquet" and format_of(path) is not sdf:
        raise UsageError(f"{path.name}: conformers are read from {', '.join(SUFFIXES)} (packed: .gz, .bz2, .xz)")
    records: list[Record] = []
    left_out: Counter[str] = Counter()
    with reading(path):
        for found in _of_parquet(path) if suffix == ".parquet" else _of_sdf(path):
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
    if not molecule.GetNumConformers() or not molecule.GetConformer().Is3D():
        return "it has no three-dimensional coordinates"
    if not np.isfinite(molecule.GetConformer().GetPositions()).all():
        return "its coordinates are not finite"
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(molecule)
            Chem.AssignStereochemistryFrom3D(molecule)
            heavy = Chem.RemoveHs(molecule)
            Chem.AssignStereochemistryFrom3D(heavy)
        except (ValueError, RuntimeError) as error:
            return f"RDKit cannot read it as a molecule: {' '.join(str(error).split())[:100]}"
        for atom in heavy.GetAtoms():
            atom.SetAtomMapNum(0)
        isomer, constitution = Chem.MolToSmiles(heavy), Chem.MolToSmiles(heavy, isomericSmiles=False)
        known = Chem.MolFromSmiles(stated) if stated else None
    if (
        not molecule.GetNumBonds()
        and molecule.GetNumAtoms() > 1
        and len(Chem.GetMolFrags(molecule)) == molecule.GetNumAtoms()
    ):
        return "it has atoms without bonds: which molecule it is is not known"
    return Record(molecule, isomer, constitution, "" if known is None else Chem.MolToSmiles(known))


def _of_sdf(path: Path) -> Iterator[Record | str]:
    for molecule in sdf.records(path):
        if molecule is None:
            yield "RDKit cannot read this record"
            continue
        try:
            stated = next((molecule.GetProp(name) for name in _STATED if molecule.HasProp(name)), "")
        except UnicodeDecodeError:
            stated = ""
        yield record_of(molecule, stated)


def _of_parquet(path: Path) -> Iterator[Record | str]:
    smiles, molecule = "", Chem.Mol()
    for row in table_rows(path):
        if not {"smiles", "pos"} <= set(row):
            raise DataError(f"{path} has no columns smiles and pos: it is no file of `hooke conformers generate`")
        if row["pos"] is None or row["smiles"] is None:
            yield str(row.get("reason") or "it has no conformer")
            continue
        if row["smiles"] != smiles:
            smiles, molecule = row["smiles"], molecule_with_hydrogens(row["smiles"])
        positions = np.array(row["pos"], np.float64).reshape(-1, 3)
        if len(positions) != molecule.GetNumAtoms():
            yield f"it has {len(positions)} positions for {molecule.GetNumAtoms()} atoms"
            continue
        yield record_of(with_positions(molecule, positions[None]), smiles)


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
