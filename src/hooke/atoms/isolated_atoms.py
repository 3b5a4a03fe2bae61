"""E0: energies of isolated atoms, against which total energies become energies of formation.

A table's entry is known by element, charge, spin multiplicity, method and source. Entries from a file's own isolated atoms, or fitted to it,
hold inside that data set alone: programs, frozen spins and grids differ by electronvolts, so that forming energies with another set's
table is refused. A missing entry is an error, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hooke.atoms.composition import CompositionFit
from hooke.atoms.elements import SYMBOLS
from hooke.atoms.frames import Frames
from hooke.core.errors import DataError, UsageError
from hooke.core.units import factor

WAYS_OUT = (
    "give a file of isolated atoms of the same method and program (isolated_atoms=FILE; `hooke label --atoms --method METHOD` makes one), fit "
    "energies of elements to the data (regression), or use total energies (e0=none)"
)


@dataclass(frozen=True)
class IsolatedAtom:
    """The energy of one atom alone.

    Attributes:
        element: Atomic number.
        charge: Of the atom.
        multiplicity: Of its spin; 0 = not stated.
        method: Canonical name.
        energy: In the table's unit.
        source: Where it is from: "file" (isolated atoms of the data set's own files), "regression", or what computed it.
        error: Standard error of a fitted one, else NaN.
    """

    element: int
    charge: int
    multiplicity: int
    method: str
    energy: float
    source: str
    error: float = float("nan")


@dataclass(frozen=True)
class ReferenceEnergies:
    """A table of isolated atoms.

    Attributes:
        atoms: The entries.
        unit: Of their energies.
        scope: Data set in which alone they hold; "" for atoms computed for themselves.

    Raises:
        DataError: Two entries of one key have different energies.
    """

    atoms: tuple[IsolatedAtom, ...]
    unit: str
    scope: str = ""

    def __post_init__(self) -> None:
        known: dict[tuple[Any, ...], float] = {}
        for atom in self.atoms:
            key = (atom.element, atom.charge, atom.multiplicity, atom.method, atom.source)
            if abs(known.setdefault(key, atom.energy) - atom.energy) > 1e-9:
                raise DataError(
                    f"two energies of an isolated {SYMBOLS[atom.element]} (charge {atom.charge}) by {atom.method}: "
                    f"{known[key]:.6f} and {atom.energy:.6f} {self.unit}"
                )

    @classmethod
    def of_frames(cls, frames: Frames, methods: Sequence[str], unit: str, scope: str) -> ReferenceEnergies:
        """The frames of one atom that do not repeat in space; others are passed over."""
        single = np.flatnonzero((frames.counts == 1) & ~frames.periodic.any(axis=1))
        entries = {
            IsolatedAtom(
                int(frames.numbers[frames.offsets[row]]), int(frames.charge[row]), int(frames.multiplicity[row]), method,
                float(frames.energies[row, place]), "file",
            ): None
            for row in single
            for place, method in enumerate(methods)
            if not np.isnan(frames.energies[row, place])
        }  # fmt: skip
        return cls(tuple(entries), unit, scope)

    @classmethod
    def of_fit(cls, fit: CompositionFit, method: str, unit: str, scope: str) -> ReferenceEnergies:
        """Energies of elements that were fitted to the data of a set."""
        atoms = zip(fit.elements.tolist(), fit.energies.tolist(), fit.errors.tolist(), strict=True)
        return cls(
            tuple(IsolatedAtom(number, 0, 0, method, energy, "regression", error) for number, energy, error in atoms), unit, scope
        )  # fmt: skip

    def __bool__(self) -> bool:
        """Whether it has entries."""
        return bool(self.atoms)

    def converted(self, unit: str) -> ReferenceEnergies:
        """The same in another unit."""
        scale = factor(self.unit, unit)
        return replace(
            self, unit=unit, atoms=tuple(replace(atom, energy=atom.energy * scale, error=atom.error * scale) for atom in self.atoms)
        )  # fmt: skip

    def energy(self, element: int, method: str) -> float:
        """Of the neutral atom.

        Raises:
            UsageError: There is none by this method, or there are several that differ in spin or source.
        """
        entries = [atom for atom in self.atoms if (atom.element, atom.charge, atom.method) == (element, 0, method)]
        if not entries:
            raise UsageError(f"no energy of an isolated {SYMBOLS[element]} atom by {method} is known: {WAYS_OUT}")
        if len({atom.energy for atom in entries}) > 1:
            choices = ", ".join(f"multiplicity {atom.multiplicity} from {atom.source}" for atom in entries)
            raise UsageError(
                f"several energies of an isolated {SYMBOLS[element]} atom by {method}: {choices}; keep one"
            )
        return entries[0].energy

    def require_scope(self, scope: str) -> None:
        """Refuse frames of another data set than the one in which the table holds.

        Raises:
            UsageError: They are.
        """
        if self.scope and self.scope != scope:
            raise UsageError(
                f"the isolated atoms of {self.scope} hold for its own frames alone: energies of {scope or 'other frames'} formed with them "
                "would mean nothing"
            )

    def sums(self, frames: Frames, method: str, scope: str) -> np.ndarray:
        """(F,) what the atoms of each frame have alone; neutral atoms, whatever the frame's charge.

        Args:
            frames: Some frames.
            method: Canonical name.
            scope: The data set that they are of.

        Raises:
            UsageError: An entry is missing or ambiguous, or the table holds in another data set alone.
        """
        self.require_scope(scope)
        elements = np.unique(frames.numbers)
        return frames.composition(elements) @ np.array([self.energy(int(number), method) for number in elements])

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        atoms = [{**asdict(atom), "error": None if np.isnan(atom.error) else atom.error} for atom in self.atoms]
        return {"unit": self.unit, "scope": self.scope, "atoms": atoms}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ReferenceEnergies:
        """Back from `to_json`."""
        atoms = tuple(
            IsolatedAtom(**{**each, "error": float("nan") if each["error"] is None else each["error"]})
            for each in value["atoms"]
        )
        return cls(atoms, value["unit"], value["scope"])
