"""SD files of three-dimensional structures (V2000, V3000), read by RDKit with all their hydrogens; tags are numbers of a frame.

Lengths are in Å. V2000 gives coordinates to 1e-4 Å; `write` uses V3000 for that reason. A record whose bonds imply more hydrogens than it
has is left out: it is a drawing of heavy atoms. Fewer may be a slip of the program that found the bonds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    for molecule in islice(records(path), _PROBED):
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
    for molecule in records(path):
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
    write_molecules(path, (_molecule(frames, frame, keys) for frame in range(len(frames))))


def write_molecules(path: Path, molecules: Iterable[Chem.Mol]) -> None:
    """Write records one after the other, as they are."""
    with replacing(path) as temporary, Chem.SDWriter(str(temporary)) as writer:
        writer.SetForceV3000(True)
        writer.SetKekulize(False)
        for molecule in molecules:
            writer.write(molecule)


def atoms_alone(numbers: Sequence[int], charge: int, name: str | None) -> Chem.Mol:
    """A record of atoms without bonds; the first of them has the charge."""
    molecule = Chem.RWMol()
    for number in numbers:
        atom = Chem.Atom(int(number))
        atom.SetNoImplicit(True)
        molecule.AddAtom(atom)
    molecule.GetAtomWithIdx(0).SetFormalCharge(int(charge))
    if name is not None:
        molecule.SetProp("_Name", name)
    return molecule


def changed(molecule: Chem.Mol, positions: np.ndarray, tags: Mapping[str, Any]) -> Chem.Mol:
    """A record with other positions ((atoms, 3) in Å) and with these tags beside its own."""
    moved = Chem.Mol(molecule)
    moved.RemoveAllConformers()
    moved.AddConformer(_conformer(positions))
    for name, value in tags.items():
        moved.SetProp(name, repr(value) if isinstance(value, float) else str(value))
    return moved


def _conformer(positions: np.ndarray) -> Chem.Conformer:
    conformer = Chem.Conformer(len(positions))
    for place, position in enumerate(positions.tolist()):
        conformer.SetAtomPosition(place, position)
    conformer.Set3D(True)
    return conformer


def _molecule(frames: Frames, frame: int, keys: Keys) -> Chem.Mol:
    atoms = slice(int(frames.offsets[frame]), int(frames.offsets[frame + 1]))
    name = frames.names[frame] if len(frames.names) else None
    molecule = atoms_alone(frames.numbers[atoms].tolist(), int(frames.charge[frame]), name)
    molecule.AddConformer(_conformer(frames.positions[atoms]))
    if keys.smiles and len(frames.smiles):
        molecule.SetProp(keys.smiles, frames.smiles[frame])
    for names, values in ((keys.energies, frames.energies), (keys.properties, frames.properties)):
        for name, value in zip(names, values[frame].tolist(), strict=True):
            if not np.isnan(value):
                molecule.SetProp(name, repr(value))
    return molecule


def records(path: Path) -> Iterator[Chem.Mol | None]:
    """The records in order; None for those that RDKit cannot read."""
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
