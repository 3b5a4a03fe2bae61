"""Conformers of files as molecules with bonds, and their atoms in the order of the canonical SMILES."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from rdkit import Chem, rdBase

from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError
from hooke.atoms.formats import format_of, sdf
from hooke.core.errors import DataError, UsageError
from hooke.core.reading import check_parquet, reading

SUFFIXES = (".sdf", ".sd", ".parquet")
_BLOCK = 1024
_ENERGY = "energy"
Read = tuple[Chem.Mol, float, str]  # molecule, energy or NaN, why it is none or ""


def read_records(path: Path, energy_key: str = "") -> Iterator[Read]:
    """The conformers of a file in order; those without one have the reason.

    Args:
        path: SD file, or Parquet of `hooke conformers generate`.
        energy_key: Tag or column of energies; "" takes the column "energy" of Parquet, and none of SD files.

    Raises:
        UsageError: Its suffix is of no such file.
        DataError: It cannot be read.
    """
    parquet = path.suffix.lower() == ".parquet"
    if not parquet and format_of(path) is not sdf:
        raise UsageError(f"{path.name}: conformers are read from {', '.join(SUFFIXES)} (packed: .gz, .bz2, .xz)")
    with reading(path):
        yield from _of_parquet(path, energy_key or _ENERGY) if parquet else _of_sdf(path, energy_key)


def _of_sdf(path: Path, energy_key: str) -> Iterator[Read]:
    for molecule in sdf.records(path):
        if molecule is None:
            yield Chem.Mol(), np.nan, "RDKit cannot read this record"
            continue
        try:
            energy = float(molecule.GetProp(energy_key)) if energy_key and molecule.HasProp(energy_key) else np.nan
        except (ValueError, UnicodeDecodeError):
            energy = np.nan
        yield molecule, energy, ""


def _of_parquet(path: Path, energy_key: str) -> Iterator[Read]:
    check_parquet(path, whole=False)
    there = pq.read_schema(path).names
    if not {"smiles", "pos"} <= set(there):
        raise DataError(f"{path} has no columns smiles and pos: it is not a file of `hooke conformers generate`")
    columns = [name for name in dict.fromkeys(("smiles", "pos", "reason", energy_key)) if name in there]
    smiles, molecule = "", Chem.Mol()
    for batch in pq.ParquetFile(path).iter_batches(_BLOCK, columns=columns):
        for row in batch.to_pylist():
            if row["pos"] is None or not row["smiles"]:
                yield Chem.Mol(), np.nan, str(row.get("reason") or "it has no conformer")
                continue
            if row["smiles"] != smiles:
                plain = Chem.MolFromSmiles(row["smiles"])
                if plain is None:
                    yield Chem.Mol(), np.nan, f"not a valid SMILES: {row['smiles'][:60]!r}"
                    continue
                smiles, molecule = row["smiles"], Chem.AddHs(plain)
            positions = np.array(row["pos"], np.float64).reshape(-1, 3)
            if len(positions) != molecule.GetNumAtoms():
                yield Chem.Mol(), np.nan, f"it has {len(positions)} positions for {molecule.GetNumAtoms()} atoms"
                continue
            made = with_positions(molecule, positions[None])
            made.SetProp("smiles", smiles)
            energy = row.get(energy_key)
            yield made, np.nan if energy is None else float(energy), ""


def perceived(molecule: Chem.Mol) -> str:
    """Sanitise a molecule with a conformer and take its stereo from the geometry, in place; gives why that cannot be, else ""."""
    if not molecule.GetNumConformers() or not molecule.GetConformer().Is3D():
        return "it has no three-dimensional coordinates"
    if not np.isfinite(molecule.GetConformer().GetPositions()).all():
        return "its coordinates are not finite"
    if (
        molecule.GetNumAtoms() > 1
        and not molecule.GetNumBonds()
        and any(atom.GetAtomicNum() == 6 for atom in molecule.GetAtoms())
    ):
        return "it has atoms without bonds: which molecule it is is not known"
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(molecule)
            Chem.AssignStereochemistryFrom3D(molecule)
        except (ValueError, RuntimeError) as error:
            return f"RDKit cannot read it as a molecule: {' '.join(str(error).split())[:100]}"
    return ""


def ordered(molecule: Chem.Mol) -> tuple[EmbeddedMolecule, np.ndarray] | str:
    """A molecule with the stereo of its geometry, and its (atoms, 3) positions in that molecule's order; or why it has none.

    Args:
        molecule: With one conformer and all its hydrogens; changed.
    """
    if why := perceived(molecule):
        return why
    if any(atom.GetNumImplicitHs() for atom in molecule.GetAtoms()):
        return "hydrogens are missing"
    with rdBase.BlockLogs():
        try:
            found = EmbeddedMolecule.of(Chem.RemoveHs(molecule), several=True)
        except (NoGeometryError, ValueError, RuntimeError) as error:
            return str(error)
        match = molecule.GetSubstructMatch(found.molecule, useChirality=True)
        if len(match) != molecule.GetNumAtoms() or len(found.numbers) != len(match):
            return "its SMILES does not give its atoms back"
    return found, molecule.GetConformer().GetPositions()[list(match)]
