"""Quantum programs that label frames: energy and forces of one system of atoms; one file here for each program.

An engine starts every frame from nothing, on one thread: its labels depend on the frame alone, not on what was computed before or beside it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hooke.atoms.methods import parse_method
from hooke.core.errors import UnknownNameError, UsageError

INSTALL = "pip install 'hooke-bio[quantum]'"
XTB = ("gfn2", "gfn1")
FORMS = (*XTB, "pyscf:XC/BASIS")
CLOSEST = 0.1  # Å, below which two atoms count as one
_PYSCF = "pyscf:"
PROPERTIES = (("homo", "eV"), ("lumo", "eV"), ("gap", "eV"), ("dipole", "debye"))  # of engines that say them


class UnlabelledError(Exception):
    """A frame has no label; the message is the reason that its row states."""


@dataclass(frozen=True)
class Computed:
    """What an engine gives for a frame.

    Attributes:
        energy: In eV.
        forces: (atoms, 3) in eV/Å, the negative derivative of the energy; None where they were not asked for.
        steps: Of the self-consistent field.
        homo, lumo: Highest occupied and lowest empty orbital energy in eV; None where there is none.
        dipole: Norm of the dipole moment in debye, of ions about the centre of the nuclear charges.
        change: Of the energy in the last cycle, in eV; None where the program does not say.
        noise: Estimated error of the energy in eV beside that of the method; None without an estimate.
    """

    energy: float
    forces: np.ndarray | None
    steps: int
    homo: float | None = None
    lumo: float | None = None
    dipole: float | None = None
    change: float | None = None
    noise: float | None = None

    @property
    def gap(self) -> float | None:
        """Between the two orbital energies, in eV."""
        return None if self.homo is None or self.lumo is None else self.lumo - self.homo


Given = tuple[np.ndarray, np.ndarray, int, int]  # numbers, positions, charge and multiplicity of a frame


class Engine(Protocol):
    """A program with a method. It travels to worker processes."""

    @property
    def method(self) -> str:
        """Canonical name; see `atoms.methods`."""

    @property
    def version(self) -> str:
        """Name and version of the program, with the settings that its labels depend on."""

    @property
    def grid(self) -> int | None:
        """Level of the integration grid; None without one."""

    @property
    def precision(self) -> str:
        """Of the numbers that it computes with."""

    @property
    def forces(self) -> bool:
        """Whether it computes forces."""

    @property
    def properties(self) -> tuple[tuple[str, str], ...]:
        """(name, unit) of the numbers beside energy and forces that it gives: `PROPERTIES` or none."""

    @property
    def frames_a_job(self) -> int:
        """Frames that are worth sending to a worker together."""

    @property
    def frames_a_part(self) -> int | None:
        """Frames that a kill may cost; None for as many as usual."""

    @property
    def caution(self) -> str:
        """What speaks against these settings; "" for nothing."""

    def load(self) -> None:
        """Import the program, so that its threads can be limited."""

    def compute(self, numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> Computed:
        """The label of a frame.

        Args:
            numbers: (atoms,) atomic numbers.
            positions: (atoms, 3) in Å.
            charge: In elementary charges.
            multiplicity: Of the spin.

        Raises:
            UnlabelledError: The program refuses the frame, or its self-consistent field does not converge.
        """

    def compute_all(self, given: Sequence[Given]) -> list[Computed | UnlabelledError]:
        """The label of each frame, or why it has none; see `compute`."""


def caution_of(grid: int) -> str:
    """What speaks against a level of the integration grid; "" for nothing."""
    if grid:
        return ""
    return "grid level 0 shifts energies by up to 0.1 eV from conformer to conformer: unfit for relative energies"


class OneByOne:
    """An engine that takes one frame after the other."""

    def compute_all(self: Any, given: Sequence[Given]) -> list[Computed | UnlabelledError]:
        """See `Engine.compute_all`."""
        results: list[Computed | UnlabelledError] = []
        for frame in given:
            try:
                results.append(self.compute(*frame))
            except UnlabelledError as error:
                results.append(error)
        return results


def engine_of(method: str, *, grid: int | None = None, density_fit: bool = False) -> Engine:
    """The engine of a method.

    Args:
        method: "gfn2", "gfn1", or "pyscf:XC/BASIS".
        grid: Level of PySCF's integration grid, 0 to 9; None takes the engine's own.
        density_fit: Approximate two-electron integrals by density fitting (PySCF).

    Raises:
        UsageError: The program is not installed, has no such option, or does not offer the method.
        UnknownNameError: There is no such method.
    """
    if method.strip().lower().startswith(_PYSCF):
        from hooke.atoms.engines.density_functional import PyscfEngine

        return PyscfEngine.of(method.strip()[len(_PYSCF) :], grid, density_fit)
    if grid is not None or density_fit:
        raise UsageError(f"an integration grid and density fitting belong to pyscf:XC/BASIS, not to {method!r}")
    try:
        name = parse_method(method).name
    except UnknownNameError:
        name = ""
    if name not in XTB:
        if "/" in method:
            raise UsageError(f"state the program of {method!r}: pyscf:{method}")
        raise UnknownNameError("method of labels", method, FORMS)
    from hooke.atoms.engines.tight_binding import TbliteEngine

    return TbliteEngine.of(name)


def imported(module: str, method: str) -> Any:
    """A module of an optional package.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"labels by {method} need {module.split('.')[0]}: {INSTALL}") from error


def refuse_impossible(numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> None:
    """Refuse what no engine can label.

    Raises:
        UnlabelledError: Charge and spin do not go with the electrons, or two atoms are in one place.
    """
    electrons = int(numbers.sum(dtype=np.int64)) - charge
    unpaired = multiplicity - 1
    if electrons < 0 or not 0 <= unpaired <= electrons or (electrons - unpaired) % 2:
        raise UnlabelledError(f"{electrons} electrons (charge {charge}) have no state of multiplicity {multiplicity}")
    if electrons == 0:
        raise UnlabelledError("it has no electrons")
    if len(positions) > 1:
        from scipy.spatial import cKDTree

        if len(pairs := cKDTree(positions).query_pairs(CLOSEST, output_type="ndarray")):
            first, second = sorted(pairs[0].tolist())
            raise UnlabelledError(f"atoms {first + 1} and {second + 1} are less than {CLOSEST} Å apart")
