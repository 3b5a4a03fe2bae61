"""Coordinates of atoms for models that read them: a conformer of each molecule by RDKit, or the one that an SD file holds.

A conformer of RDKit (ETKDG version 3, then MMFF94 where it has all parameters) depends on the molecule alone: it is made from the canonical
SMILES, with one seed. Records of an SD file are found by canonical SMILES; a molecule without stereo marks takes the first record of
its constitution. Only heavy atoms, and hydrogens that are atoms of the graph, have places.

Source: ETKDG: Riniker and Landrum 2015 (doi 10.1021/acs.jcim.5b00654); MMFF94: Halgren 1996 (J. Comput. Chem. 17, 490-519).
"""

from __future__ import annotations

import functools
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import AllChem

from hooke.core.errors import DataError, UsageError
from hooke.core.hashing import file_sha256
from hooke.core.reading import reading
from hooke.molecules.parse import silence_rdkit, without_numbers

RDKIT = "rdkit"
_SEED, _SECONDS, _STEPS = 0, 60, 500
_EXPLICIT: Any = Chem.SmilesParserParams()
_EXPLICIT.removeHs = False
_DIGITS = 12  # of a file's hash
_MARK = "@"


def stamped(source: str) -> str:
    """A source of coordinates that says which bytes are meant: "rdkit", or "PATH@HASH" for a file.

    Raises:
        UsageError: It is neither "rdkit" nor an SD file.
        DataError: There is no such file, or it is another one than the stamp says.
    """
    if source == RDKIT:
        return source
    path, wanted = _parts(source)
    if not path.name.lower().endswith((".sdf", ".sd", ".sdf.gz", ".sd.gz")):
        raise UsageError(f'encodings.positions is "rdkit" or the path of an SD file (.sdf, .sdf.gz), got {source!r}')
    if not path.is_file():
        raise DataError(f"there is no file {path} of coordinates; encodings.positions=FILE names another one, or rdkit")
    found = file_sha256(path)[:_DIGITS]
    if wanted and wanted != found:
        raise DataError(f"{path} is not the file of coordinates that was read before: its bytes changed")
    return f"{path.resolve()}{_MARK}{found}"


def _parts(source: str) -> tuple[Path, str]:
    """Path and hash."""
    path, mark, digest = source.rpartition(_MARK)
    known = mark and len(digest) == _DIGITS and set(digest) <= set("0123456789abcdef")
    return (Path(path).expanduser(), digest) if known else (Path(source).expanduser(), "")


def positions_of(molecules: Sequence[Chem.Mol], source: str) -> np.ndarray:
    """(A, 3) Å for the atoms of these molecules, not finite for those without a conformer.

    Args:
        molecules: Sanitised.
        source: "rdkit", or an SD file.

    Raises:
        DataError: The file cannot be read.
    """
    silence_rdkit()
    records = None if source == RDKIT else _records(stamped(source))
    found = [_embedded(each) if records is None else _recorded(each, records) for each in molecules]
    empty = [
        np.full((molecule.GetNumAtoms(), 3), np.nan) if rows is None else rows
        for molecule, rows in zip(molecules, found, strict=True)
    ]
    return np.concatenate([np.zeros((0, 3)), *empty])


def _embedded(molecule: Chem.Mol) -> np.ndarray | None:
    """Of RDKit's conformer."""
    text = Chem.MolToSmiles(molecule)
    order = _written_order(molecule)
    written = Chem.MolFromSmiles(text, _EXPLICIT)
    if written is None or written.GetNumAtoms() != len(order):
        return None
    whole = Chem.AddHs(written)
    parameters: Any = AllChem.ETKDGv3()  # type: ignore[attr-defined]
    parameters.randomSeed, parameters.timeout = _SEED, _SECONDS
    with rdBase.BlockLogs():
        try:
            failed = AllChem.EmbedMolecule(whole, parameters) < 0  # type: ignore[attr-defined]
            if failed:
                parameters.useRandomCoords = True
                failed = AllChem.EmbedMolecule(whole, parameters) < 0  # type: ignore[attr-defined]
            if failed:
                return None
            if AllChem.MMFFHasAllMoleculeParams(whole):  # type: ignore[attr-defined]
                AllChem.MMFFOptimizeMolecule(whole, maxIters=_STEPS)  # type: ignore[attr-defined]
        except (RuntimeError, ValueError):  # elements that no force field knows
            return None
    rows = np.empty((molecule.GetNumAtoms(), 3))
    rows[order] = whole.GetConformer().GetPositions()[: len(order)]
    return rows


def _written_order(molecule: Chem.Mol, *, stereo: bool = True) -> list[int]:
    """The atoms in the order of the canonical SMILES."""
    Chem.MolToSmiles(molecule, isomericSmiles=stereo)
    return list(molecule.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])


def _recorded(molecule: Chem.Mol, records: dict[str, np.ndarray]) -> np.ndarray | None:
    """Of the record of equal structure."""
    text = Chem.MolToSmiles(molecule)
    flat = Chem.MolToSmiles(molecule, isomericSmiles=False)
    for key, stereo in ((text, True), *([(_flat(flat), False)] if text == flat else [])):
        if key in records:
            rows = np.empty((molecule.GetNumAtoms(), 3))
            rows[_written_order(molecule, stereo=stereo)] = records[key]
            return rows
    return None


def _flat(text: str) -> str:
    """The key of a constitution, apart from those of structures."""
    return f"flat {text}"


@functools.lru_cache(maxsize=2)
def _records(source: str) -> dict[str, np.ndarray]:
    """Canonical SMILES, and constitution → (atoms, 3) in the order of that SMILES, of the first such record.

    They are held in memory by each process, about 1 kB a molecule.

    Raises:
        DataError: The file is no SD file, or no record has three dimensions.
    """
    path, _ = _parts(source)
    found: dict[str, np.ndarray] = {}
    with (
        reading(path, "an SD file"),
        (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file,
        rdBase.BlockLogs(),
    ):
        for molecule in Chem.ForwardSDMolSupplier(file):
            if molecule is None or not molecule.GetNumAtoms() or not molecule.GetConformer().Is3D():
                continue
            molecule = without_numbers(molecule)
            places = molecule.GetConformer().GetPositions()
            for key, stereo in (
                (Chem.MolToSmiles(molecule), True),
                (_flat(Chem.MolToSmiles(molecule, isomericSmiles=False)), False),
            ):
                if key not in found:
                    found[key] = places[_written_order(molecule, stereo=stereo)]
    if not found:
        raise DataError(f"{path} holds no record with coordinates in three dimensions")
    return found
