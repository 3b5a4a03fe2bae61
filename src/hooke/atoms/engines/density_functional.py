"""Density functionals and Hartree-Fock by PySCF (extra "quantum"): restricted for singlets, unrestricted else, spherical functions.

Forces are the analytic gradient without the response of the integration grid, as quantum programs usually give them: on coarse grids they
differ a little from the derivative of the energy. Dispersion corrections that are programs of their own (D3, D4), double hybrids and
composite methods are not offered. Every calculation starts from PySCF's superposition of atomic densities.

Source: Sun et al. 2020 (doi:10.1063/5.0006074); functionals by libxc.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.engines import PROPERTIES, Computed, OneByOne, UnlabelledError, caution_of, imported
from hooke.atoms.methods import parse_method
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.units import factor

_FUNCTIONALS = (
    "hf svwn pbe rpbe revpbe pbesol blyp bp86 pw91 b97 tpss revtpss scan rscan r2scan m06-l pbe0 b3lyp b3pw91 x3lyp tpssh scan0 "
    "bhandhlyp m05-2x m06 m06-2x hse06 cam-b3lyp lc-wpbe wb97 wb97x wb97x-v wb97m-v"
)
FUNCTIONALS = tuple(_FUNCTIONALS.split())
GRID, FINEST = 3, 9
MOST_CYCLES = 100
_ECP_FROM = 37  # def2 basis sets describe the valence electrons alone from rubidium on


@dataclass(frozen=True)
class PyscfEngine(OneByOne):
    """See `Engine`.

    Attributes:
        functional, basis: Canonical names.
        grid: Level of the integration grid.
        density_fit: Whether two-electron integrals are approximated.
    """

    method: str
    version: str
    functional: str
    basis: str
    grid: int = GRID
    density_fit: bool = False
    frames_a_job: int = 1
    forces: bool = True
    properties: tuple[tuple[str, str], ...] = PROPERTIES
    frames_a_part: int = 16
    precision: str = "float64"

    @classmethod
    def of(cls, name: str, grid: int | None = None, density_fit: bool = False) -> PyscfEngine:
        """The engine of "XC/BASIS".

        Raises:
            UsageError: PySCF is not installed or does not know the basis set, no basis set is stated, or the grid is none.
            UnknownNameError: The functional or basis set is not known.
        """
        method = parse_method(name)
        functional = method.theory + (f"-{method.dispersion}" if method.dispersion else "")
        if functional not in FUNCTIONALS or method.term != "total":
            raise UnknownNameError("functional of PySCF labels", functional, FUNCTIONALS)
        if not method.basis:
            raise UsageError(f"state the basis set: pyscf:{name}/def2-svp")
        level = GRID if grid is None else grid
        if not 0 <= level <= FINEST:
            raise UsageError(f"the grid level is 0 to {FINEST}, got {level}")
        version = imported("pyscf", method.name).__version__
        if _shells(method.basis, "H") is None:
            raise UsageError(f"PySCF does not offer the basis set {method.basis}")
        settings = f"pyscf {version}, grid {level}" + (", density fitting" if density_fit else "")
        return cls(method.name, settings, functional, method.basis, level, density_fit)

    @property
    def caution(self) -> str:
        """See `Engine.caution`."""
        return caution_of(self.grid)

    def load(self) -> None:
        """See `Engine.load`."""
        imported("pyscf.dft", self.method)

    def compute(self, numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> Computed:
        """See `Engine.compute`."""
        dft, lib = imported("pyscf.dft", self.method), imported("pyscf.lib", self.method)
        with lib.with_omp_threads(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PySCF's remarks about versions and conventions
            molecule = self._molecule(numbers, positions, charge, multiplicity)
            field = dft.RKS(molecule) if multiplicity == 1 else dft.UKS(molecule)
            field.xc = self.functional.replace("-", "_") if self.functional != "hf" else "hf"
            field.grids.level, field.max_cycle = self.grid, MOST_CYCLES
            if self.density_fit:
                field = field.density_fit()
            field.chkfile = None  # nothing of a calculation is written
            energy = float(field.kernel())
            if not field.converged:
                raise UnlabelledError(f"PySCF: SCF not converged in {MOST_CYCLES} cycles")
            gradient = np.array(field.nuc_grad_method().kernel(), np.float64)
            occupied, levels = (np.ravel(each) for each in (field.mo_occ, field.mo_energy))
            dipole = np.linalg.norm(_dipole(molecule, field))
        hartree = factor("hartree", "eV")
        highest, empty = float(levels[occupied > 0].max()), levels[occupied == 0]
        return Computed(
            energy * hartree, -gradient * factor("hartree/bohr", "eV/angstrom"), int(field.cycles), homo=highest * hartree,
            lumo=float(empty.min()) * hartree if len(empty) else None, dipole=float(dipole) * factor("e*bohr", "debye"),
        )  # fmt: skip

    def _molecule(self, numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> Any:
        symbols = [SYMBOLS[number] for number in numbers.tolist()]
        if missing := sorted({symbol for symbol in symbols if _shells(self.basis, symbol) is None}):
            raise UnlabelledError(f"PySCF has no {self.basis} basis for {', '.join(missing)}")
        heavy = {SYMBOLS[number] for number in numbers.tolist() if number >= _ECP_FROM and "def2" in self.basis}
        return imported("pyscf.gto", self.method).M(
            atom=list(zip(symbols, (positions * factor("angstrom", "bohr")).tolist(), strict=True)), unit="Bohr",
            basis=self.basis, ecp=dict.fromkeys(heavy, self.basis.removeprefix("ma-")), charge=charge, spin=multiplicity - 1,
            cart=False, verbose=0,
        )  # fmt: skip


def _dipole(molecule: Any, field: Any) -> np.ndarray:
    """(3,) about the centre of the nuclear charges, in e · bohr."""
    charges, places = molecule.atom_charges().astype(np.float64), molecule.atom_coords()
    centre = charges @ places / charges.sum()
    density = np.asarray(field.make_rdm1())
    density = density.sum(0) if density.ndim == 3 else density
    with molecule.with_common_origin(centre):
        return -np.einsum("xij,ji->x", molecule.intor("int1e_r"), density)


def _shells(basis: str, symbol: str) -> Any:
    """The shells of an element; None where PySCF has none."""
    module = imported("pyscf.gto.basis", basis)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return module.load(basis, symbol) or None
        except (module.BasisNotFoundError, KeyError, RuntimeError):
            return None
