"""Restricted Kohn-Sham theory: closed shells, several geometries of one molecule in step.

    F(D) C = S C ε,   D = 2 C_occ C_occᵀ,   F = h + J(D) - ½ c K(D) + V_xc(D)
    E = tr(D h) + ½ tr(D J) - ¼ c tr(D K) + E_xc + E_nuclei

Each geometry has its own DIIS (errors X (F D S - S D F) X with X = S^(-1/2)), stops when it has converged, and does not depend on those beside
it. Cycles begin on the coarsest grid and go on with the asked one. A field that has not converged after `PATIENCE` cycles gets a level shift,
which lifts the empty orbitals and leaves the solution as it is.

Source: Pulay 1982 (doi:10.1002/jcc.540030413), Saunders and Hillier 1973 (doi:10.1002/qua.560070407).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hooke.nn.atoms.scf.matrices import Matrices, Square

HISTORY = 8
PATIENCE, SHIFT = 30, 0.3  # cycles, hartree
COARSE, UNTIL = 0, 3e-3  # level of the first cycles, and the largest error at which they end


@dataclass(frozen=True)
class Fields:
    """Self-consistent fields of several geometries, in atomic units.

    Attributes:
        energy: (geometries,) hartree.
        converged: (geometries,).
        cycles: (geometries,) on all grids.
        change: (geometries,) of the energy in the last cycle.
        homo, lumo: (geometries,) orbital energies; NaN where there is no empty orbital.
        dipole: (geometries, 3) e · bohr about the centre of the nuclear charges.
        electrons: (geometries,) on the grid.
        exchange_correlation: (geometries,) E_xc.
        density, weighted: (geometries, functions, functions) D, and the same with orbital energies.
    """

    energy: np.ndarray
    converged: np.ndarray
    cycles: np.ndarray
    change: np.ndarray
    homo: np.ndarray
    lumo: np.ndarray
    dipole: np.ndarray
    electrons: np.ndarray
    exchange_correlation: np.ndarray
    density: Tensor
    weighted: Tensor


class _Extrapolation:
    """DIIS of several geometries: each has a list of its own."""

    def __init__(self, geometries: int) -> None:
        self._kept: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(geometries)]

    def forget(self, geometry: int) -> None:
        self._kept[geometry].clear()

    def next(self, geometry: int, fock: Tensor, error: Tensor) -> Tensor:
        kept = self._kept[geometry]
        kept.append((fock, error))
        del kept[:-HISTORY]
        count = len(kept)
        errors = torch.stack([each.flatten() for _, each in kept])
        system = torch.zeros(count + 1, count + 1, dtype=torch.float64)
        system[:count, :count] = errors @ errors.T
        system[:count, :count] /= system[:count, :count].diagonal().max().clamp_min(1e-300)
        system[count, :count] = system[:count, count] = -1
        right = torch.zeros(count + 1, dtype=torch.float64)
        right[count] = -1
        weights = torch.linalg.lstsq(system, right[:, None], rcond=1e-14, driver="gelsd").solution[:count, 0]
        return torch.einsum("k,kij->ij", weights, torch.stack([each for each, _ in kept]))


def solve(
    matrices: Matrices,
    exchange: float,
    electrons: int,
    level: int,
    *,
    tolerance: float = 1e-9,
    most_cycles: int = 100,
) -> Fields:
    """Self-consistent fields.

    Args:
        matrices: Of the molecule and functional.
        exchange: Share of exact exchange.
        electrons: An even number.
        level: Of the grid.
        tolerance: Hartree between two cycles; errors of DIIS are then at most its square root.
        most_cycles: Before a field counts as not converged.
    """
    overlap, core, count = matrices.overlap, matrices.core, len(matrices.overlap)
    values, vectors = torch.linalg.eigh(overlap)
    root = vectors * values.rsqrt().unsqueeze(1) @ vectors.mT
    occupied, functions = electrons // 2, overlap.shape[-1]
    guess = matrices.guess()
    density = guess * (electrons / torch.einsum("gij,gij->g", guess, overlap)).view(-1, 1, 1)
    fields = _Running(count, functions)
    extrapolation = _Extrapolation(count)
    levels = [COARSE] * count
    active = list(range(count))
    for cycle in range(1, most_cycles + 1):
        coulomb, repulsive = matrices.coulomb_and_exchange(density)
        for geometry in list(active):
            d, h, s, x = density[geometry], core[geometry], overlap[geometry], root[geometry]
            energy_xc, potential, on_grid = matrices.exchange_correlation(levels[geometry], geometry, d)
            fock = h + coulomb[geometry] - 0.5 * exchange * repulsive[geometry] + potential
            energy = float(
                (d * (h + 0.5 * coulomb[geometry] - 0.25 * exchange * repulsive[geometry])).sum()
                + energy_xc
                + matrices.nuclear[geometry]
            )
            left = fock @ d @ s
            error = x @ (left - left.mT) @ x
            size = float(error.abs().max())
            change = energy - fields.energy[geometry]
            fields.note(geometry, energy, energy_xc, on_grid, cycle, change, d, fock)
            if levels[geometry] == level and abs(change) <= tolerance and size <= tolerance**0.5:
                fields.converged[geometry] = True
                active.remove(geometry)
                continue
            if levels[geometry] != level and size <= UNTIL:
                levels[geometry] = level
                extrapolation.forget(geometry)
                fields.energy[geometry] = np.nan  # energies of two grids are not compared
                # the same density again, on the grid that is asked for
                continue
            if cycle == PATIENCE:
                extrapolation.forget(geometry)
            fock = extrapolation.next(geometry, fock, error)
            if cycle > PATIENCE:
                fock = fock + SHIFT * (s - 0.5 * s @ d @ s)
            _, orbitals = torch.linalg.eigh(x @ fock @ x)
            filled = x @ orbitals[:, :occupied]
            density[geometry] = 2 * filled @ filled.mT
        if not active:
            break
    return fields.finish(matrices, root, occupied, electrons)


class _Running:
    """What is known of the fields so far."""

    def __init__(self, count: int, functions: int) -> None:
        self.energy, self.change, self.on_grid, self.energy_xc = (np.full(count, np.nan) for _ in range(4))
        self.cycles, self.converged = np.zeros(count, np.int64), np.zeros(count, bool)
        self.density, self.fock = (torch.zeros(count, functions, functions, dtype=torch.float64) for _ in range(2))

    def note(
        self, geometry: int, energy: float, energy_xc: float, on_grid: float, cycle: int, change: float, density: Tensor, fock: Tensor
    ) -> None:  # fmt: skip
        self.energy[geometry], self.energy_xc[geometry], self.on_grid[geometry] = energy, energy_xc, on_grid
        self.cycles[geometry], self.change[geometry] = cycle, change
        self.density[geometry], self.fock[geometry] = density, fock

    def finish(self, matrices: Matrices, root: Square, occupied: int, electrons: int) -> Fields:
        """With orbital energies of the last Fock matrices."""
        levels: Float[Tensor, "geometries functions"] = torch.linalg.eigvalsh(root @ self.fock @ root)
        empty = occupied < levels.shape[1]
        nothing = np.full(len(levels), np.nan)
        weighted = 0.5 * self.density @ self.fock @ self.density
        charges = matrices.numbers.astype(np.float64)
        centre = (charges[:, None] * matrices.positions).sum(1) / charges.sum()
        moment = (charges[:, None] * matrices.positions).sum(1) - charges.sum() * centre
        moment -= torch.einsum("gxij,gij->gx", matrices.dipole, self.density).numpy() - electrons * centre
        return Fields(
            self.energy, self.converged, self.cycles, np.abs(self.change), levels[:, occupied - 1].numpy(),
            levels[:, occupied].numpy() if empty else nothing, moment, self.on_grid, self.energy_xc, self.density, weighted,
        )  # fmt: skip
