"""What a self-consistent field asks of a basis set and a functional, for several geometries; made by own integrals of s and p shells.

Matrices are torch tensors in float64, atomic units throughout.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.exchange_correlation import exchange_correlation, exchange_correlation_gradient
from hooke.atoms.quantum.functionals import Functional
from hooke.atoms.quantum.gradient import integral_gradient, nuclear_repulsion
from hooke.atoms.quantum.grids import grid
from hooke.atoms.quantum.one_electron import one_electron
from hooke.atoms.quantum.orbitals import Blocks, blocks_of
from hooke.atoms.quantum.repulsion import Repulsion

Square = Float[Tensor, "geometries functions functions"]
_CAPACITIES = ((2, 0), (2, 6), (2, 6))  # electrons of the s and p functions of shells 1, 2 and 3


@runtime_checkable
class Matrices(Protocol):
    """Matrices of a molecule.

    Attributes:
        overlap, core: S, and kinetic energy with the attraction to the nuclei.
        dipole: (geometries, 3, functions, functions) of r about the origin.
        nuclear: (geometries,) repulsion of the nuclei.
        numbers: (atoms,) atomic numbers.
        positions: (geometries, atoms, 3).
    """

    overlap: Tensor
    core: Tensor
    dipole: Tensor
    nuclear: Tensor
    numbers: np.ndarray
    positions: np.ndarray

    def guess(self) -> Square:
        """A density matrix of neutral atoms side by side."""

    def coulomb_and_exchange(self, density: Square) -> tuple[Square, Square]:
        """J and K."""

    def exchange_correlation(self, level: int, geometry: int, density: Tensor) -> tuple[float, Tensor, float]:
        """Energy, matrix and electrons on the grid of this level, of one geometry."""

    def gradient(self, level: int, density: Square, weighted: Square) -> np.ndarray:
        """(geometries, atoms, 3) dE/dA."""


class OwnMatrices:
    """By the integrals of `atoms.quantum`; see `Matrices`.

    Args:
        functional: Of exchange and correlation.
        shells: Of the molecule, s and p.
        positions: (geometries, atoms, 3) in bohr, at most eight geometries.
    """

    def __init__(self, functional: Functional, shells: Shells, positions: np.ndarray) -> None:
        self.functional, self.shells, self.positions, self.numbers = functional, shells, positions, shells.numbers
        self._pairs = Pairs.of(shells, positions)
        overlap, kinetic, attraction, dipole = map(torch.from_numpy, one_electron(self._pairs, len(positions)))
        self.overlap, self.core, self.dipole = overlap, kinetic + attraction, dipole
        self.nuclear = torch.from_numpy(nuclear_repulsion(shells.numbers, positions))
        self._repulsion = Repulsion(self._pairs, len(positions))
        self._blocks: dict[tuple[int, int], Blocks] = {}

    def guess(self) -> Square:
        """See `Matrices`: electrons of free atoms in their own shells, evenly over the three p functions."""
        occupation = np.zeros(self.shells.functions)
        for atom, number in enumerate(self.numbers.tolist()):
            left = number
            for level, shell in enumerate(np.flatnonzero(self.shells.atom == atom).tolist()):
                first = self.shells.first[shell]
                for start, width, most in (
                    (first, 1, 2),
                    (first + 1, 3 * self.shells.kind[shell], _CAPACITIES[level][1]),
                ):
                    if width:
                        occupation[start : start + width] = min(left, most) / width
                        left -= min(left, most)
        return torch.from_numpy(np.diag(occupation)).expand(len(self.positions), -1, -1).clone()

    def coulomb_and_exchange(self, density: Square) -> tuple[Square, Square]:
        """See `Matrices`."""
        coulomb, exchange = self._repulsion.coulomb_and_exchange(density.numpy())
        return torch.from_numpy(np.ascontiguousarray(coulomb)), torch.from_numpy(np.ascontiguousarray(exchange))

    def blocks(self, level: int, geometry: int) -> Blocks:
        """The functions on a grid, kept."""
        if (level, geometry) not in self._blocks:
            at = self.positions[geometry]
            self._blocks[level, geometry] = blocks_of(self.shells, at, *grid(self.numbers, at, level))
        return self._blocks[level, geometry]

    def exchange_correlation(self, level: int, geometry: int, density: Tensor) -> tuple[float, Tensor, float]:
        """See `Matrices`."""
        energy, matrix, electrons = exchange_correlation(self.functional, self.blocks(level, geometry), density.numpy())
        return energy, torch.from_numpy(matrix), electrons

    def gradient(self, level: int, density: Square, weighted: Square) -> np.ndarray:
        """See `Matrices`."""
        total = integral_gradient(self._pairs, density.numpy(), weighted.numpy(), self.functional.exchange)
        for geometry in range(len(self.positions)):
            total[geometry] += exchange_correlation_gradient(
                self.functional, self.blocks(level, geometry), self.shells, self.positions[geometry], density[geometry].numpy()
            )  # fmt: skip
        return total
