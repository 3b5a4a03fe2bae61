"""NumPy archives of one molecule or of padded ones: positions (frames, atoms, 3), vectors like them, numbers of a frame (frames).

Atomic numbers are (atoms) for all frames alike, or (frames, atoms) with zeros behind the atoms of smaller molecules. The layout of sGDML
(quantum-machine.org/gdml) with the names z, R, E and F, of revised MD17, and others by their names. No pickle is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hooke.atoms.formats import BLOCK, NUMBERS, POSITIONS, Block, Contents, collector, usual_name
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError
from hooke.core.files import appending, replacing
from hooke.core.reading import open_arrays

LENGTH_UNIT = ""
_SGDML = {"z", "R", "E", "F"}


def contents(path: Path, keys: Keys) -> Contents:
    """What arrays there are."""
    with open_arrays(path) as arrays:
        there = set(arrays.files)
        own = Keys(
            numbers=usual_name(there, NUMBERS, "numbers_key", path.name, keys.numbers),
            positions=usual_name(there, POSITIONS, "positions_key", path.name, keys.positions),
            energies=("E",) if there >= _SGDML else (), forces=("F",) if there >= _SGDML else (),
        )  # fmt: skip
        shape = arrays[own.positions].shape
        shapes = {
            name: arrays[name].shape for name in sorted(there - {own.numbers, own.positions}) if _numeric(arrays, name)
        }
    return Contents(
        tuple(name for name, each in shapes.items() if each in (shape[:1], (*shape[:1], 1))),
        tuple(name for name, each in shapes.items() if each == shape), own,
    )  # fmt: skip


def read(path: Path, keys: Keys) -> Iterator[Block]:
    """The frames in order; malformed ones are left out."""
    frames = collector(keys, path)
    with open_arrays(path) as arrays:
        numbers, positions = arrays[keys.numbers], np.asarray(arrays[keys.positions], np.float64)
        if positions.ndim != 3 or numbers.shape[-1:] != positions.shape[1:2]:
            raise DataError(f"{keys.positions} are {positions.shape} for atomic numbers {numbers.shape}")
        count = len(positions)

        def columns(names: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
            stacked = [
                np.asarray(arrays[name], np.float64).reshape(shape) if name in arrays else np.full(shape, np.nan)
                for name in names
            ]
            return np.stack(stacked, axis=-1) if stacked else np.zeros((*shape, 0))

        energies, properties = columns(keys.energies, (count,)), columns(keys.properties, (count,))
        forces = columns(keys.forces, positions.shape)
        charge, multiplicity = (
            np.broadcast_to(arrays[key].reshape(-1) if key else 0, count) for key in (keys.charge, keys.multiplicity)
        )
        names = arrays[keys.name].astype(str) if keys.name else np.full(count, path.name.split(".")[0])
    numbers = np.broadcast_to(numbers, positions.shape[:2]).astype(np.int64)
    atoms = (numbers > 0).sum(axis=1)
    for start, stop in _runs(numbers):
        some, here = slice(start, stop), slice(0, int(atoms[start]))
        if (numbers[start, here] <= 0).any():
            frames.refuse("padding stands between its atoms", stop - start)
        else:
            frames.add(
                numbers[start, here], positions[some, here], energies[some], forces[some, here], charge=charge[some],
                multiplicity=multiplicity[some], properties=properties[some], name=names[some].tolist(),
            )  # fmt: skip
        if len(frames) >= BLOCK:
            yield frames.take()
    yield frames.take()


def write(path: Path, frames: Frames, keys: Keys, facts: Any = None) -> None:
    """Write padded arrays; atomic numbers once where all frames have the same atoms."""
    count, most = len(frames), int(frames.counts.max())
    place = np.arange(len(frames.numbers)) - np.repeat(frames.offsets[:-1], frames.counts)

    def padded(values: np.ndarray) -> np.ndarray:
        out = np.zeros((count, most, *values.shape[1:]), values.dtype)
        out[frames.frame_of_atom, place] = values
        return out

    numbers = padded(frames.numbers)
    arrays: dict[str, Any] = {
        keys.numbers: numbers[0] if (numbers == numbers[0]).all() else numbers, keys.positions: padded(frames.positions),
        **{key: frames.energies[:, number] for number, key in enumerate(keys.energies)},
        **{key: padded(frames.forces[..., number]) for number, key in enumerate(keys.forces)},
        **{key: frames.properties[:, number] for number, key in enumerate(keys.properties)},
    }  # fmt: skip
    for key, values in (
        (keys.charge, frames.charge),
        (keys.multiplicity, frames.multiplicity),
        (keys.name, frames.names),
    ):
        if key and len(values):
            arrays[key] = np.asarray(values)
    with replacing(path) as temporary, appending(temporary, afresh=True) as buffer:
        np.savez(buffer, **arrays)


def _numeric(arrays: Any, name: str) -> bool:
    try:
        return arrays[name].dtype.kind in "fiu"
    except ValueError:  # a pickle, which is not read
        return False


def _runs(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Runs of frames of the same atoms, at most a block long."""
    edges = np.flatnonzero((numbers[1:] != numbers[:-1]).any(axis=1)) + 1
    for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(numbers)], strict=True):
        for first in range(start, stop, BLOCK):
            yield first, min(first + BLOCK, stop)
