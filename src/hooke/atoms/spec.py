"""What a network must know of frames: labels, elements and charges of the training rows, energies of isolated atoms, and scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.frames import Frames
from hooke.atoms.isolated_atoms import ReferenceEnergies
from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.core.types import LabelledSpec, LabelStatistics

FRAME, ATOM = "frame", "atom"
ENERGY, FORCES = "energy", "forces"


@dataclass(frozen=True)
class AtomsSpec(LabelledSpec):
    """The spec of frames; energies in eV, lengths in Å.

    Attributes:
        labels: Energies of each method and other properties (level "frame"), forces of each method (level "atom", width 3).
        statistics: Of the frame's labels and of force components over the training rows.
        elements: Atomic numbers of the training rows, ascending.
        charges: Charges of the training rows' frames, ascending.
        energy_kind: See `atoms.facts.Facts`.
        e0: Method → (elements,) eV of isolated atoms, taken off total energies before a network learns them; empty where energies are of
            another kind, or learnt as they are.
        e0_source: Where they are from: "isolated atoms", "regression"; "" without any.
        shift: Method → (elements,) eV an atom adds on average to the energy that is left; name → the same of other properties.
        scale: Method or name → root mean square of what is then left an atom, or of a force component times 1 Å where there are forces.
        scope: The data set.
    """

    elements: tuple[int, ...] = ()
    charges: tuple[int, ...] = (0,)
    energy_kind: str = "total"
    e0: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    e0_source: str = ""
    shift: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    scope: str = ""

    @property
    def energies(self) -> tuple[Label, ...]:
        """The labels that are energies, a method each."""
        return tuple(label for label in self.labels if label.level == FRAME and label.method)

    @property
    def forces(self) -> tuple[Label, ...]:
        """The labels that are forces, a method each."""
        return tuple(label for label in self.labels if label.level == ATOM)

    @property
    def properties(self) -> tuple[Label, ...]:
        """The other labels of frames."""
        return tuple(label for label in self.labels if label.level == FRAME and not label.method)

    def with_labels(self, labels: tuple[Label, ...]) -> AtomsSpec:
        """The spec of some of its labels."""
        return replace(self, labels=labels)

    def unknown(self, frames: Frames) -> dict[int, str]:
        """Frame → why a network of this spec cannot say anything of it: elements or charges that its training rows did not have."""
        elements = np.isin(frames.numbers, self.elements)
        charges = np.isin(frames.charge, self.charges)
        found: dict[int, str] = {}
        for frame in np.flatnonzero(~charges):
            known = ", ".join(f"{charge:+d}" if charge else "0" for charge in self.charges)
            found[int(frame)] = f"its charge {int(frames.charge[frame]):+d} was not trained on (known: {known})"
        for frame in np.unique(frames.frame_of_atom[~elements]):
            new = np.unique(frames.numbers[(frames.frame_of_atom == frame) & ~elements])
            names, known = (", ".join(SYMBOLS[int(number)] for number in each) for each in (new, self.elements))
            found[int(frame)] = f"its element {names} was not trained on (known: {known})"
        return found

    def require_known(self, frames: Frames) -> None:
        """Refuse frames that a network of this spec cannot say anything of.

        Raises:
            DataError: Names the first of them.
        """
        for frame, reason in sorted(self.unknown(frames).items()):
            raise DataError(f"frame {frame + 1}: {reason}")

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` gives the spec back."""
        return {
            **super().to_json(), "elements": [*self.elements], "charges": [*self.charges], "energy_kind": self.energy_kind,
            "e0": {method: [*values] for method, values in self.e0.items()}, "e0_source": self.e0_source,
            "shift": {method: [*values] for method, values in self.shift.items()}, "scale": dict(self.scale), "scope": self.scope,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Back from `to_json`."""
        plain = LabelledSpec.from_json(value)
        tables = {name: {method: tuple(each) for method, each in value[name].items()} for name in ("e0", "shift")}
        return cls(
            plain.labels, plain.statistics, tuple(value["elements"]), tuple(value["charges"]), value["energy_kind"], tables["e0"],
            value["e0_source"], tables["shift"], dict(value["scale"]), value["scope"],
        )  # fmt: skip


def label_names(kind: str, methods: Sequence[str]) -> list[str]:
    """The kind itself ("energy", "forces") for one method; with the method's name where there are several."""
    return [kind] if len(methods) == 1 else [f"{kind} {method}" for method in methods]


def reference_energies(
    table: ReferenceEnergies, methods: Sequence[str], elements: Sequence[int], scope: str
) -> dict[str, tuple[float, ...]]:
    """Method → (elements,) energies of neutral isolated atoms, in the table's unit.

    Raises:
        UsageError: One is missing, there are several, or the table is another data set's.
    """
    table.require_scope(scope)
    return {method: tuple(table.energy(number, method) for number in elements) for method in methods}


def atom_scales(
    residual: np.ndarray, composition: np.ndarray, force_moments: LabelStatistics | None
) -> tuple[tuple[float, ...], float]:
    """What an atom of each element adds on average (least squares of smallest norm), and the size of what is left.

    Args:
        residual: (F,) eV, NaN = not computed.
        composition: (F, elements).
        force_moments: Of the components of the method's forces; None without any.
    """
    known = np.isfinite(residual)
    shift = np.zeros(composition.shape[1])
    if known.any():
        shift, *_ = np.linalg.lstsq(composition[known].astype(np.float64), residual[known], rcond=1e-8)
    left = (residual[known] - composition[known] @ shift) / composition[known].sum(axis=1)
    scale = float(np.sqrt(np.mean(left**2))) if known.any() else 0.0
    if force_moments is not None and force_moments.count.sum():
        scale = float(np.sqrt(np.mean(force_moments.std**2 + force_moments.mean**2)))
    return tuple(shift.tolist()), scale if np.isfinite(scale) and scale > 1e-9 else 1.0
