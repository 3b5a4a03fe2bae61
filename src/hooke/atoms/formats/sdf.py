"""SD files of three-dimensional structures (V2000, V3000), read by RDKit with all their hydrogens; tags are numbers of a frame.

Lengths are in Å. V2000 gives coordinates to 1e-4 Å; `write` uses V3000 for that reason. A record whose bonds imply more hydrogens than it
has is left out: it is a drawing of heavy atoms. Fewer may be a slip of the program that found the bonds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase

from hooke.atoms.formats import BLOCK, Block, Contents, collector, open_bytes
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.core.files import replacing
from hooke.core.reading import in_short

LENGTH_UNIT = "angstrom"
_PROBED = 50


def contents(path: Path, keys: Keys) -> Contents:
    """What tags of the first records are numbers."""
    scalars: dict[str, None] = {}
    tags: set[str] = set()
    for molecule in islice(_records(path), _PROBED):
        if molecule is not None:
            with suppress(UnicodeDecodeError):  # a record that `read` leaves out
                names = list(molecule.GetPropNames())
                tags |= {*names}
                scalars |= {name: None for name in names if not np.isnan(_number(molecule, name))}
    own = Keys(smiles=next((name for name in ("smiles", "SMILES") if name in tags), ""), name="_Name")
    return Contents(tuple(scalars), (), own)


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The records in order; those that RDKit cannot read, or that have no three dimensions, are left out."""
    frames = collector(keys, path)
    for molecule in _records(path):
        if molecule is None:
            frames.refuse("RDKit cannot read this record")
        else:
            try:
                _add(frames, molecule, keys)
            except UnicodeDecodeError as error:
                frames.refuse(in_short(error))
        if len(frames) >= BLOCK:
            yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write records of atoms without bonds, which frames do not know."""
    with replacing(path) as temporary, Chem.SDWriter(str(temporary)) as writer:
        writer.SetForceV3000(True)
        for frame in range(len(frames)):
            atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
            molecule = Chem.RWMol()
            for number in frames.numbers[atoms].tolist():
                atom = Chem.Atom(number)
                atom.SetNoImplicit(True)
                molecule.AddAtom(atom)
            molecule.GetAtomWithIdx(0).SetFormalCharge(int(frames.charge[frame]))
            conformer = Chem.Conformer(molecule.GetNumAtoms())
            for place, position in enumerate(frames.positions[atoms].tolist()):
                conformer.SetAtomPosition(place, position)
            conformer.Set3D(True)
            molecule.AddConformer(conformer)
            if len(frames.names):
                molecule.SetProp("_Name", frames.names[frame])
            if keys.smiles and len(frames.smiles):
                molecule.SetProp(keys.smiles, frames.smiles[frame])
            for names, values in ((keys.energies, frames.energies), (keys.properties, frames.properties)):
                for name, value in zip(names, values[frame].tolist(), strict=True):
                    if not np.isnan(value):
                        molecule.SetProp(name, repr(value))
            writer.write(molecule)


def _records(path: Path) -> Iterator[Chem.Mol | None]:
    with open_bytes(path) as file, rdBase.BlockLogs():
        yield from Chem.ForwardSDMolSupplier(file, sanitize=False, removeHs=False)


def _add(frames: FrameCollector, molecule: Chem.Mol, keys: Keys) -> None:
    if not molecule.GetNumConformers() or not molecule.GetConformer().Is3D():
        frames.refuse("it has no three-dimensional coordinates")
        return
    atoms = list(molecule.GetAtoms())
    numbers = np.array([atom.GetAtomicNum() for atom in atoms], np.int64)
    if (missing := _implied_hydrogens(molecule)) > (there := int((numbers == 1).sum())):
        frames.refuse(f"its bonds imply {missing} more hydrogens than the {there} that it has: hydrogens are missing")
        return
    energies, properties = ([[_number(molecule, key) for key in some]] for some in (keys.energies, keys.properties))
    frames.add(
        numbers, molecule.GetConformer().GetPositions()[None], energies, properties=properties,
        charge=sum(atom.GetFormalCharge() for atom in atoms),
        name=molecule.GetProp(keys.name) if molecule.HasProp(keys.name) else "",
        smiles=molecule.GetProp(keys.smiles) if keys.smiles and molecule.HasProp(keys.smiles) else "",
    )  # fmt: skip


def _implied_hydrogens(molecule: Chem.Mol) -> int:
    """How many hydrogens the bonded atoms of a record would have besides those that it lists."""
    molecule.UpdatePropertyCache(strict=False)
    return sum(atom.GetNumImplicitHs() for atom in molecule.GetAtoms() if atom.GetDegree())


def _number(molecule: Chem.Mol, name: str) -> float:
    try:
        return float(molecule.GetProp(name)) if molecule.HasProp(name) else np.nan
    except UnicodeDecodeError:
        raise
    except ValueError:
        return np.nan
