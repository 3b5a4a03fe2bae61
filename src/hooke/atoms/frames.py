"""Frames: systems of atoms with their positions and what was computed of them, as flat arrays with offsets.

Shapes are written with F frames, A atoms of all frames together, E methods with energies, G methods with forces, P further properties and
M monomers. Units are those of the source; what was not computed is NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hooke.atoms.elements import MAX_NUMBER, formula
from hooke.core.store.reader import ragged_index

NO_MONOMERS = np.zeros((0, 4), np.int32)
LARGEST = 1e30  # in any unit: float32 and sums of squares in float64 hold it


@dataclass(frozen=True)
class Frames:
    """Some frames.

    Attributes:
        offsets: (F + 1,) int64; frame i has the atoms offsets[i]:offsets[i + 1].
        numbers: (A,) uint8 atomic numbers.
        positions: (A, 3).
        energies: (F, E) float64.
        forces: (A, 3, G), the negative derivative of the energy.
        charge: (F,) int16.
        multiplicity: (F,) int16 of the spin; 0 = not stated.
        cell: (F, 3, 3) float64, rows are the lattice vectors; NaN where nothing is periodic.
        periodic: (F, 3) bool along each lattice vector.
        properties: (F, P) float64.
        monomer_offsets: (F + 1,) int64 into the monomers.
        monomers: (M, 4) int32: first atom within the frame, the one after the last, charge, multiplicity (0 = not stated).
        names: (F) which molecule each is; frames of one molecule share it. Empty where nobody asked.
        smiles: (F) of the molecule, "" unknown.
    """

    offsets: np.ndarray
    numbers: np.ndarray
    positions: np.ndarray
    energies: np.ndarray
    forces: np.ndarray
    charge: np.ndarray
    multiplicity: np.ndarray
    cell: np.ndarray
    periodic: np.ndarray
    properties: np.ndarray
    monomer_offsets: np.ndarray
    monomers: np.ndarray
    names: Sequence[str] = ()
    smiles: Sequence[str] = ()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> np.ndarray:
        """(F,) atoms of each frame."""
        return np.diff(self.offsets)

    @cached_property
    def frame_of_atom(self) -> np.ndarray:
        """(A,) int64: the frame that each atom belongs to."""
        return np.repeat(np.arange(len(self)), self.counts)

    def composition(self, elements: np.ndarray) -> np.ndarray:
        """(F, elements) int64: how many atoms of each of these numbers a frame has.

        Raises:
            ValueError: An atom is of none of them.
        """
        place = np.full(MAX_NUMBER + 1, -1)
        place[elements] = np.arange(len(elements))
        column = place[self.numbers]
        if (column < 0).any():
            raise ValueError(
                f"elements {np.unique(self.numbers[column < 0]).tolist()} are not among {elements.tolist()}"
            )
        counts = np.bincount(self.frame_of_atom * len(elements) + column, minlength=len(self) * len(elements))
        return counts.reshape(len(self), len(elements))

    def formulas(self) -> list[str]:
        """(F) the composition of each frame."""
        return [
            formula(self.numbers[first:stop]) for first, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True)
        ]

    def select(self, rows: np.ndarray) -> Frames:
        """Some of the frames, in the order of `rows`."""
        atoms, monomers = (
            ragged_index(offsets[rows], offsets[rows + 1] - offsets[rows])
            for offsets in (self.offsets, self.monomer_offsets)
        )
        arrays: dict[str, Any] = {
            name: getattr(self, name)[index]
            for index, names in (
                (atoms, ("numbers", "positions", "forces")),
                (monomers, ("monomers",)),
                (rows, ("energies", "charge", "multiplicity", "cell", "periodic", "properties")),
            )
            for name in names
        }
        for name in ("offsets", "monomer_offsets"):
            arrays[name] = np.concatenate([[0], np.cumsum(np.diff(getattr(self, name))[rows])])
        for name in ("names", "smiles"):
            arrays[name] = [getattr(self, name)[row] for row in rows if len(getattr(self, name))]
        return Frames(**arrays)

    @classmethod
    def joined(cls, parts: Sequence[Frames]) -> Frames:
        """All frames of the parts, in order.

        Raises:
            ValueError: There are no parts.
        """
        if not parts:
            raise ValueError("no frames to join")
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in (
                "numbers", "positions", "energies", "forces", "charge", "multiplicity", "cell", "periodic", "properties", "monomers",
            )
        }  # fmt: skip
        for name, counts in (("offsets", "numbers"), ("monomer_offsets", "monomers")):
            starts = np.cumsum([0, *(len(getattr(part, counts)) for part in parts)])
            pieces = [getattr(part, name)[1:] + start for part, start in zip(parts, starts[:-1], strict=True)]
            arrays[name] = np.concatenate([np.zeros(1, np.int64), *pieces])
        names, smiles = ([text for part in parts for text in getattr(part, each)] for each in ("names", "smiles"))
        return cls(**arrays, names=names, smiles=smiles)


@dataclass(frozen=True)
class Rejected:
    """A frame that was left out."""

    file: str
    frame: int  # of the file, counted from 1
    reason: str


class FrameCollector:
    """Takes frames as a reader finds them, refuses those that are malformed, and gives them out in blocks.

    Args:
        file: Name of the file, for the list of rejected frames.
        energies, forces, properties: How many methods and properties there are: E, G, P.
    """

    def __init__(self, file: str, energies: int, forces: int, properties: int = 0) -> None:
        self.file, self.energies, self.forces, self.properties = file, energies, forces, properties
        self._parts: list[Frames] = []
        self._places: list[range] = []  # of the frames of each part, in the file
        self._rejected: list[Rejected] = []
        self._seen = self._waiting = 0

    def __len__(self) -> int:
        """Frames and refusals that wait to be taken."""
        return self._waiting + len(self._rejected)

    def refuse(self, reason: str, frames: int = 1) -> None:
        """Count frames that cannot be read."""
        for _ in range(frames):
            self._seen += 1
            self._rejected.append(Rejected(self.file, self._seen, reason))

    def add(
        self, numbers: Any, positions: Any, energies: Any = None, forces: Any = None, *, charge: Any = 0, multiplicity: Any = 0,
        cell: Any = None, periodic: Any = None, properties: Any = None, monomers: Any = None, name: str | Sequence[str] = "",
        smiles: str = "",
    ) -> None:  # fmt: skip
        """Take n frames of the same atoms.

        Args:
            numbers: (atoms,) atomic numbers.
            positions: (n, atoms, 3).
            energies: (n, E) or none.
            forces: (n, atoms, 3, G) or none.
            charge, multiplicity: Of all, or (n,).
            cell, periodic: (n, 3, 3) and (n, 3), or none.
            properties: (n, P) or none.
            monomers: (monomers, 4) of each frame alike, or none.
            name: The molecule, or one a frame; its formula where there is none.
            smiles: Of the molecule.
        """
        atoms, positions = np.asarray(numbers), np.asarray(positions, np.float64)
        frames = len(positions) if positions.ndim == 3 else 1
        count = len(atoms) if atoms.ndim == 1 else 0
        arrays = {
            "positions": (positions, (frames, count, 3)),
            "energies": _filled(energies, (frames, self.energies)),
            "forces": _filled(forces, (frames, count, 3, self.forces)),
            "properties": _filled(properties, (frames, self.properties)),
            "cell": _filled(cell, (frames, 3, 3)),
        }
        each = NO_MONOMERS if monomers is None else np.asarray(monomers, np.int32)
        problem = _atoms_problem(atoms) or next(
            (f"{what} are {array.shape}, expected {shape}" for what, (array, shape) in arrays.items() if array.shape != shape), ""
        )  # fmt: skip
        if not problem and len(each) and not _covers(each, count):
            problem = "its monomers do not share out its atoms in order"
        if problem:
            self.refuse(problem, frames)
            return
        along = np.zeros((frames, 3), bool) if periodic is None else np.asarray(periodic, bool).reshape(frames, 3)
        charges, spins = (np.broadcast_to(np.asarray(some, np.float64), frames) for some in (charge, multiplicity))
        self._parts.append(
            Frames(
                np.arange(frames + 1) * count, np.tile(atoms.astype(np.uint8), frames), positions.reshape(-1, 3),
                arrays["energies"][0], arrays["forces"][0].reshape(frames * count, 3, self.forces), charges, spins,
                arrays["cell"][0], along, arrays["properties"][0], np.arange(frames + 1) * len(each), np.tile(each, (frames, 1)),
                [name or formula(atoms)] * frames if isinstance(name, str) else list(name), [smiles] * frames,
            )
        )  # fmt: skip
        self._places.append(range(self._seen + 1, self._seen + frames + 1))
        self._seen += frames
        self._waiting += frames

    def take(self) -> tuple[Frames | None, list[Rejected]]:
        """The well-formed frames that wait (none where none do) and the others, which are then forgotten."""
        rejected, self._rejected, self._waiting = self._rejected, [], 0
        if not self._parts:
            return None, rejected
        frames, places = Frames.joined(self._parts), [place for part in self._places for place in part]
        self._parts, self._places = [], []
        reasons = [""] * len(frames)
        for what, bad in _problems(frames):
            for frame in np.flatnonzero(bad):
                reasons[frame] = reasons[frame] or what
        kept = np.array([not reason for reason in reasons])
        malformed = [
            Rejected(self.file, place, reason) for place, reason in zip(places, reasons, strict=True) if reason
        ]
        rejected = sorted([*rejected, *malformed], key=lambda each: each.frame)
        if not kept.any():
            return None, rejected
        frames = frames if kept.all() else frames.select(np.flatnonzero(kept))
        cell = np.where(_repeating(frames)[:, None, None], frames.cell, np.nan)
        charge, multiplicity = frames.charge.astype(np.int16), frames.multiplicity.astype(np.int16)
        return replace(frames, cell=cell, charge=charge, multiplicity=multiplicity), rejected


def _filled(values: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    return np.full(shape, np.nan) if values is None else np.asarray(values, np.float64), shape


def _atoms_problem(numbers: np.ndarray) -> str:
    if numbers.ndim != 1 or not len(numbers):
        return "it has no atoms"
    if numbers.dtype.kind not in "ui" or numbers.min() < 1 or numbers.max() > MAX_NUMBER:
        return f"an atomic number is none of 1 to {MAX_NUMBER}"
    return ""


def _problems(frames: Frames) -> Iterator[tuple[str, np.ndarray]]:
    """What may be wrong with frames, and (F,) bool of which it is true."""

    def any_atom(of_atoms: np.ndarray) -> np.ndarray:
        return np.logical_or.reduceat(of_atoms, frames.offsets[:-1], axis=0)

    yield "a position is not finite", any_atom(~np.isfinite(frames.positions).all(axis=1))
    yield "an energy is infinite", np.isinf(frames.energies).any(axis=1)
    if frames.forces.shape[2]:
        yield "a force is infinite", any_atom(np.isinf(frames.forces).any(axis=(1, 2)))
        missing = np.isnan(frames.forces)
        some, present = any_atom(missing.any(axis=1)), any_atom(~missing.all(axis=1))
        yield "forces of some atoms are missing", (some & present).any(axis=1)
    large = any_atom((np.abs(frames.positions) > LARGEST).any(axis=1))
    for values in (frames.energies, frames.properties):
        large = large | (np.abs(values) > LARGEST).any(axis=1)
    if frames.forces.shape[2]:
        large = large | any_atom((np.abs(frames.forces) > LARGEST).any(axis=(1, 2)))
    yield f"a number is larger than {LARGEST:g}", large
    cell = np.where(_repeating(frames)[:, None, None], frames.cell, np.eye(3))
    flat = np.asarray(~np.isfinite(cell).all(axis=(1, 2)))
    flat[~flat] = np.abs(np.linalg.det(cell[~flat])) < 1e-6
    yield "it is periodic, and its cell is flat or not finite", flat
    for what, values, least in (("charge", frames.charge, -999), ("multiplicity", frames.multiplicity, 0)):
        whole = (values == np.round(values)) & (values >= least) & (values < 999)
        yield f"its {what} is not a whole number from {least} to 999", ~whole


def _repeating(frames: Frames) -> np.ndarray:
    """(F,) bool: whether a frame repeats in space; a lattice along which it does not means nothing."""
    return np.asarray(frames.periodic.any(axis=1))


def _covers(monomers: np.ndarray, atoms: int) -> bool:
    first, stop = monomers[:, 0], monomers[:, 1]
    return first[0] == 0 and stop[-1] == atoms and bool((first[1:] == stop[:-1]).all() and (stop > first).all())
