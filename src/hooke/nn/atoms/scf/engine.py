"""Labels by the own engine: restricted Kohn-Sham theory of conformers that share a composition, up to eight at a time.

Atoms are put in the order of their elements, so that isomers go through the integrals together. A label does not
depend on what is labelled beside it but in the last bits: each field of a group converges by itself.

The noise of an energy is estimated from what can be seen of it: the energy's last change, and the electrons that the grid misses times the
exchange-correlation energy of an electron.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.engines import PROPERTIES, Computed, Given, UnlabelledError, caution_of, imported
from hooke.atoms.methods import parse_method
from hooke.core.errors import UsageError
from hooke.core.units import factor
from hooke.version import __version__

FUNCTIONALS, BASES = ("svwn", "pbe", "b3lyp"), ("sto-3g", "6-31g(d)")
FORM = "{svwn|pbe|b3lyp}/{sto-3g|6-31g*}"
GRID, FINEST = 1, 3
TOLERANCE, MOST_CYCLES = 1e-9, 100  # hartree between cycles
LANES = 8
_MEMORY = 3e9  # bytes of integrals, and of functions on grids, of a group
HEAVIEST = 18  # argon


@dataclass(frozen=True)
class ScfEngine:
    """See `atoms.engines.Engine`.

    Attributes:
        functional, basis: Canonical names.
        grid: Level of the integration grid.
        tolerance: Hartree between the last two cycles.
        forces: Whether they are computed: a third to a half of the time.
    """

    method: str
    version: str
    functional: str
    basis: str
    grid: int = GRID
    tolerance: float = TOLERANCE
    forces: bool = True
    properties: tuple[tuple[str, str], ...] = PROPERTIES
    frames_a_job: int = 4 * LANES
    frames_a_part: int = 8 * LANES
    precision: str = "float64"

    @classmethod
    def of(cls, name: str, grid: int | None = None, density_fit: bool = False, forces: bool = True) -> ScfEngine:
        """The engine of "XC/BASIS".

        Raises:
            UsageError: numba or PySCF is not installed, the method is not one of this engine's, or the grid is none.
            UnknownNameError: The functional or basis set is not known at all.
        """
        method = parse_method(name)
        if method.name not in (offered := [f"{xc}/{basis}" for xc in FUNCTIONALS for basis in BASES]):
            raise UsageError(
                f"{method.name} is not among {', '.join(offered)}; pyscf:{name} takes other functionals and basis sets"
            )
        if density_fit:
            raise UsageError(f"density fitting belongs to pyscf:XC/BASIS, not to {name!r}")
        level = GRID if grid is None else grid
        if not 0 <= level <= FINEST:
            raise UsageError(f"the grid level is 0 to {FINEST}, got {level}; pyscf:{name} takes finer ones")
        imported("numba", method.name)
        program = ""
        if method.basis != "sto-3g":
            program = f", integrals of pyscf {imported('pyscf', method.name).__version__}"
        version = f"hooke {__version__}, grid {level}, converged to {TOLERANCE:g} hartree{program}"
        return cls(method.name, version, method.theory, method.basis, level, forces=forces)

    @property
    def caution(self) -> str:
        """See `Engine.caution`."""
        return caution_of(self.grid)

    def load(self) -> None:
        """See `Engine.load`."""
        import torch

        torch.set_num_threads(1)

    def compute(self, numbers: np.ndarray, positions: np.ndarray, charge: int, multiplicity: int) -> Computed:
        """See `Engine.compute`."""
        (result,) = self.compute_all([(numbers, positions, charge, multiplicity)])
        if isinstance(result, UnlabelledError):
            raise result
        return result

    def compute_all(self, given: Sequence[Given]) -> list[Computed | UnlabelledError]:
        """See `Engine.compute_all`."""
        results: list[Computed | UnlabelledError] = [UnlabelledError("not computed")] * len(given)
        groups: dict[tuple[bytes, int], list[int]] = defaultdict(list)
        for place, (numbers, _, charge, multiplicity) in enumerate(given):
            try:
                self._check(numbers, charge, multiplicity)
            except UnlabelledError as error:
                results[place] = error
            else:
                groups[np.sort(numbers).tobytes(), charge].append(place)
        for members in groups.values():
            width = self._lanes(given[members[0]][0])
            if not width:
                for place in members:
                    results[place] = UnlabelledError(
                        f"it is too large for {self.method} here: its integrals exceed {_MEMORY / 1e9:.0f} GB"
                    )
                continue
            for start in range(0, len(members), width):
                some = members[start : start + width]
                for place, result in zip(some, self._group([given[each] for each in some]), strict=True):
                    results[place] = result
        return results

    def _check(self, numbers: np.ndarray, charge: int, multiplicity: int) -> None:
        from hooke.atoms.quantum.basis import shells_of

        if multiplicity != 1:
            raise UnlabelledError(
                f"{self.method} here is restricted to closed shells, and this has multiplicity {multiplicity}: pyscf:{self.method} takes it"
            )
        if missing := sorted(
            {SYMBOLS[each] for each in numbers.tolist() if each > HEAVIEST or not shells_of(self.basis, each)}
        ):
            raise UnlabelledError(
                f"{self.method} here has no basis functions for {', '.join(missing)}: hydrogen to argon"
            )

    def _lanes(self, numbers: np.ndarray) -> int:
        """How many geometries go into memory together."""
        from hooke.atoms.quantum.basis import shells_of
        from hooke.atoms.quantum.grids import atomic_grid

        widths = {"s": 1, "sp": 4, "d": 5}
        functions = sum(widths[shell.kind] for each in numbers.tolist() for shell in shells_of(self.basis, each))
        points = sum(len(atomic_grid(each, self.grid)[1]) for each in numbers.tolist())
        repulsion, values = 8 * math.comb(functions * (functions + 1) // 2 + 1, 2), 32 * functions * points
        if max(repulsion, values) > _MEMORY:
            return 0
        if self.basis != "sto-3g":
            return 1
        return LANES if LANES * max(repulsion, values) <= _MEMORY else 1

    def _group(self, given: Sequence[Given]) -> list[Computed | UnlabelledError]:
        """Geometries of one composition and charge."""
        from hooke.atoms.quantum.functionals import functional_of
        from hooke.nn.atoms.scf.restricted import solve

        orders = [np.argsort(-numbers.astype(np.int64), kind="stable") for numbers, *_ in given]
        numbers = given[0][0][orders[0]].astype(np.int64)
        positions = np.stack([each[1][order] for each, order in zip(given, orders, strict=True)])
        positions, charge = positions * factor("angstrom", "bohr"), given[0][2]
        functional = functional_of(self.functional)
        matrices = self._matrices(numbers, positions, charge)
        electrons = int(numbers.sum()) - charge
        fields = solve(
            matrices, functional.exchange, electrons, self.grid, tolerance=self.tolerance, most_cycles=MOST_CYCLES
        )
        gradient = matrices.gradient(self.grid, fields.density, fields.weighted) if self.forces else [None] * len(given)
        return [
            _computed(fields, gradient[place], order, place, electrons)
            if fields.converged[place]
            else UnlabelledError(
                f"SCF not converged in {MOST_CYCLES} cycles: the energy's last change is {fields.change[place]:.1e} hartree"
            )
            for place, order in enumerate(orders)
        ]

    def _matrices(self, numbers: np.ndarray, positions: np.ndarray, charge: int) -> Any:
        from hooke.atoms.quantum.basis import Shells
        from hooke.atoms.quantum.functionals import functional_of

        functional = functional_of(self.functional)
        if self.basis == "sto-3g":
            from hooke.nn.atoms.scf.matrices import OwnMatrices

            return OwnMatrices(functional, Shells.of(self.basis, numbers), positions)
        from hooke.nn.atoms.scf.libcint import LibcintMatrices

        return LibcintMatrices(functional, self.basis, numbers, positions, charge)


def _computed(fields: Any, gradient: np.ndarray | None, order: np.ndarray, place: int, electrons: int) -> Computed:
    hartree = factor("hartree", "eV")
    forces = None
    if gradient is not None:
        forces = np.empty_like(gradient)
        forces[order] = -gradient * factor("hartree/bohr", "eV/angstrom")
    missed = abs(fields.electrons[place] - electrons) / electrons
    homo, lumo = fields.homo[place] * hartree, fields.lumo[place] * hartree
    return Computed(
        fields.energy[place] * hartree, forces, int(fields.cycles[place]), homo=homo, lumo=lumo if np.isfinite(lumo) else None,
        dipole=float(np.linalg.norm(fields.dipole[place])) * factor("e*bohr", "debye"), change=fields.change[place] * hartree,
        noise=(fields.change[place] + missed * abs(fields.exchange_correlation[place])) * hartree,
    )  # fmt: skip
