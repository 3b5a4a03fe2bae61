"""HDF5 in groups: each group that holds positions is a molecule, with arrays of its conformations (extra "quantum", h5py).

The layout of SPICE (github.com/openmm/spice-dataset), ANI, QM7-X and Transition1X under names of their own: positions (conformations, atoms,
3) or (atoms, 3), atomic numbers or symbols (atoms), numbers of a conformation (conformations) and vectors like the positions. Groups may
lie in groups; what a group lacks (atomic numbers, SMILES) is taken from those around it. Units stand in the attribute `units`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hooke.atoms.elements import numbers_of
from hooke.atoms.formats import BLOCK, NUMBERS, POSITIONS, Block, Contents, collector, usual_name
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.atoms.mapped_smiles import mapped_atoms
from hooke.core.errors import DataError, UsageError
from hooke.core.files import replacing
from hooke.core.reading import in_short, refuse_larger

INSTALL = "pip install 'hooke-bio[quantum]'"
LENGTH_UNIT = ""
_PROBED = 20


def contents(path: Path, keys: Keys) -> Contents:
    """What the first groups hold."""
    with _opened(path) as file:
        groups = list(islice(_groups(file, ()), _PROBED))
        if not groups:
            raise DataError(f"{path} holds no group with arrays")
        there = {name: each for group in groups for name, each in group.items()}
        positions = usual_name(there, POSITIONS, "positions_key", path.name, keys.positions)
        numbers = keys.numbers or next((name for name in NUMBERS if name in there), "")
        numbers = numbers if numbers in there else ""
        smiles = "smiles" if "smiles" in there else ""
        if not numbers and not smiles:
            raise UsageError(f"{path.name}: state numbers_key={'|'.join(sorted(there))}: its names leave a doubt")
        scalars, vectors = {}, {}
        for group in groups:
            if positions not in group:
                continue
            shape = group[positions].shape
            for name, array in group.items():
                if name not in (positions, numbers) and array.dtype.kind in "fiu":
                    if array.shape == shape:
                        vectors[name] = array
                    elif array.shape in (shape[:-2], (*shape[:-2], 1)):
                        scalars[name] = array
        units = {name: unit for name, array in there.items() if (unit := _text(array.attrs.get("units", "")))}
        own = Keys(numbers=numbers, positions=positions, smiles=smiles)
        return Contents(tuple(scalars), tuple(vectors), own, units, units.get(positions, ""), mapped=not numbers)


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The conformations of every group; malformed ones are left out."""
    frames = collector(keys, path)
    with _opened(path) as file:
        for group in _groups(file, (keys.positions,)):
            try:
                _add(frames, group, keys)
            except (ValueError, KeyError, TypeError, OSError) as error:
                shape = group[keys.positions].shape
                frames.refuse(f"group {group.name}: {in_short(error)}", shape[0] if len(shape) == 3 else 1)
            if len(frames) >= BLOCK:
                yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any) -> None:
    """Write one group for each name, in order; the units of the facts as attributes.

    Raises:
        ValueError: Frames of one name have different atoms.
    """
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(frames.names if len(frames.names) else frames.formulas()):
        rows.setdefault(name, []).append(row)
    with replacing(path) as temporary, _opened(temporary, "w") as file:
        for name, places in rows.items():
            some, group = frames.select(np.array(places)), file.create_group(name or "frames")
            numbers = some.numbers.reshape(len(some), -1)
            if (some.counts != some.counts[0]).any() or (numbers != numbers[0]).any():
                raise ValueError(f"frames of {name!r} have different atoms")
            shape = (len(some), numbers.shape[1], 3)
            if keys.numbers:
                group[keys.numbers] = numbers[0]
            if keys.smiles and len(some.smiles):
                group[keys.smiles] = [some.smiles[0].encode()]
            group[keys.positions] = some.positions.reshape(shape)
            group[keys.positions].attrs["units"] = facts.length_unit
            for place, key in enumerate(keys.energies):
                group[key] = some.energies[:, place]
                group[key].attrs["units"] = facts.energy_unit
            for place, key in enumerate(keys.forces):
                group[key] = some.forces[..., place].reshape(shape)
                group[key].attrs["units"] = facts.force_unit
            for place, key in enumerate(keys.properties):
                group[key] = some.properties[:, place]
            for key, values in ((keys.charge, some.charge), (keys.multiplicity, some.multiplicity)):
                if key:
                    group[key] = values


class _Group(Mapping[str, Any]):
    """The arrays of a group, and those of the groups around it.

    Attributes:
        name: Its path.
        own: Its own arrays.
        molecule: Path of the outermost group that holds arrays: what lies in groups inside is of the same molecule.
    """

    def __init__(self, group: Any, around: _Group | None = None) -> None:
        import h5py

        self.name = group.name
        self.own = {name: each for name, each in group.items() if isinstance(each, h5py.Dataset)}
        self._all: dict[str, Any] = {**(around or {}), **self.own}
        self.molecule: str = around.molecule if around is not None and len(around) else self.name

    def __getitem__(self, name: str) -> Any:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def _opened(path: Path, mode: str = "r") -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UsageError(f"HDF5 files need h5py: {INSTALL}") from error
    return h5py.File(path, mode)


def _groups(group: Any, needed: tuple[str, ...], around: _Group | None = None) -> Iterator[_Group]:
    """Every group that holds arrays (all those needed), the outer one first."""
    import h5py

    here = _Group(group, around)
    if here.own and all(name in here.own for name in needed):
        yield here
    for name in group:
        if group.get(name, getclass=True, getlink=True) is h5py.HardLink and isinstance(group[name], h5py.Group):
            yield from _groups(group[name], needed, here)


def _add(frames: FrameCollector, group: _Group, keys: Keys) -> None:
    for name in (keys.positions, *keys.forces):
        if name in group:
            refuse_larger(group[name].nbytes, f"{group.name}/{name}")
    positions = np.asarray(group[keys.positions][()], np.float64)
    single = positions.ndim == 2
    positions = positions[None] if single else positions
    smiles = _smiles(group[keys.smiles][()]) if keys.smiles in group else ""
    charge: Any = 0
    if keys.numbers in group:
        given = np.asarray(group[keys.numbers][()])
        if given.dtype.kind in "OS":
            given = numbers_of(_text(symbol) for symbol in given)
        numbers = given.astype(np.int64) if given.dtype.kind in "uif" else given
        if keys.atom_order and smiles:
            mapped, charge = mapped_atoms(smiles, keys.atom_order)
            if not np.array_equal(mapped, numbers):
                raise ValueError(f"its atomic numbers are not those of its SMILES in the order {keys.atom_order!r}")
    else:
        numbers, charge = mapped_atoms(smiles, keys.atom_order)
    if keys.charge in group:
        charge = np.asarray(group[keys.charge][()], np.float64).ravel()
        charge = charge[0] if len(charge) == 1 else charge

    def columns(names: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray | None:
        arrays = [
            np.asarray(group[name][()], np.float64).reshape(shape) if name in group else np.full(shape, np.nan)
            for name in names
        ]
        return np.stack(arrays, axis=-1) if arrays else None

    around = group.name.rpartition("/")[0]  # of a group that holds one structure alone: its molecule
    multiplicity = np.asarray(group[keys.multiplicity][()]).ravel() if keys.multiplicity in group else 0
    frames.add(
        numbers, positions, columns(keys.energies, (len(positions),)), columns(keys.forces, positions.shape), charge=charge,
        multiplicity=multiplicity, properties=columns(keys.properties, (len(positions),)), smiles=smiles,
        name=(around if single and group.molecule == group.name and around else group.molecule).strip("/"),
    )  # fmt: skip


def _smiles(value: Any) -> str:
    """A text, or one of single characters, as ANI keeps it."""
    if isinstance(value, np.ndarray) and value.size > 1 and value.dtype.kind == "S":
        return b"".join(value.ravel()).decode(errors="replace")
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
