"""Matrices of basis sets with d functions: integrals and values on grids by libcint through PySCF, all else as with own integrals.

Source: Sun 2015 (doi:10.1002/jcc.23981), Sun et al. 2020 (doi:10.1063/5.0006074).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.engines import imported
from hooke.atoms.quantum.exchange_correlation import exchange_correlation
from hooke.atoms.quantum.functionals import Functional
from hooke.atoms.quantum.gradient import nuclear_gradient, nuclear_repulsion
from hooke.atoms.quantum.grids import grid
from hooke.atoms.quantum.orbitals import Blocks, filled_blocks
from hooke.nn.atoms.scf.matrices import Square

_PYSCF_NAMES = {"svwn": "slater,vwn5"}


class LibcintMatrices:
    """See `matrices.Matrices`; geometries one after the other.

    Args:
        functional: Of exchange and correlation.
        basis: A basis set that PySCF knows.
        numbers: (atoms,) atomic numbers.
        positions: (geometries, atoms, 3) in bohr.
        charge: Of the molecule.
    """

    def __init__(
        self, functional: Functional, basis: str, numbers: np.ndarray, positions: np.ndarray, charge: int
    ) -> None:
        self.functional, self.numbers, self.positions = functional, numbers, positions
        gto = imported("pyscf.gto", basis)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PySCF's remarks about versions
            self._molecules = [
                gto.M(
                    atom=[(SYMBOLS[number], place.tolist()) for number, place in zip(numbers.tolist(), at, strict=True)],
                    unit="Bohr", basis=basis, charge=charge, cart=False, verbose=0,
                )
                for at in positions
            ]  # fmt: skip
        self.overlap = self._all("int1e_ovlp")
        self.core = self._all("int1e_kin") + self._all("int1e_nuc")
        self.dipole = self._all("int1e_r")
        self.nuclear = torch.from_numpy(nuclear_repulsion(numbers, positions))
        self._repulsion = [each.intor("int2e", aosym="s8") for each in self._molecules]
        self._blocks: dict[tuple[int, int], Blocks] = {}

    def _all(self, name: str) -> Tensor:
        return torch.from_numpy(np.stack([each.intor(name) for each in self._molecules]))

    def guess(self) -> Square:
        """See `Matrices`: PySCF's minimal basis of atoms."""
        hf = imported("pyscf.scf.hf", "libcint")
        return torch.from_numpy(np.stack([np.asarray(hf.init_guess_by_minao(each)) for each in self._molecules]))

    def coulomb_and_exchange(self, density: Square) -> tuple[Square, Square]:
        """See `Matrices`."""
        hf = imported("pyscf.scf.hf", "libcint")
        both = [hf.dot_eri_dm(own, d.numpy(), hermi=1) for own, d in zip(self._repulsion, density, strict=True)]
        coulomb, exchange = (torch.from_numpy(np.stack(some)) for some in zip(*both, strict=True))
        return coulomb, exchange

    def exchange_correlation(self, level: int, geometry: int, density: Tensor) -> tuple[float, Tensor, float]:
        """See `Matrices`."""
        if (level, geometry) not in self._blocks:
            molecule = self._molecules[geometry]

            def values(points: np.ndarray) -> np.ndarray:
                return molecule.eval_gto("GTOval_sph_deriv1", points)

            at = grid(self.numbers, self.positions[geometry], level)
            self._blocks[level, geometry] = filled_blocks(*at, values, molecule.nao)
        energy, matrix, electrons = exchange_correlation(
            self.functional, self._blocks[level, geometry], density.numpy()
        )
        return energy, torch.from_numpy(matrix), electrons

    def gradient(self, level: int, density: Square, weighted: Square) -> np.ndarray:
        """See `Matrices`."""
        some = zip(self._molecules, density.numpy(), weighted.numpy(), strict=True)
        return np.stack([self._gradient(*each, level) for each in some]) + nuclear_gradient(
            self.numbers, self.positions
        )

    def _gradient(self, molecule: Any, density: np.ndarray, weighted: np.ndarray, level: int) -> np.ndarray:
        dft, scf = imported("pyscf.dft", "libcint"), imported("pyscf.scf", "libcint")
        own, kohn_sham = imported("pyscf.grad.rhf", "libcint"), imported("pyscf.grad.rks", "libcint")
        field = scf.RHF(molecule)
        gradients = own.Gradients(field)
        grids = dft.gen_grid.Grids(molecule)
        grids.level = level
        grids.build(with_non0tab=True)
        name = _PYSCF_NAMES.get(self.functional.name, self.functional.name)
        _, potential = kohn_sham.get_vxc(dft.numint.NumInt(), molecule, grids, name, density)
        coulomb, exchange = own.get_jk(molecule, density)
        potential = potential + coulomb - 0.5 * self.functional.exchange * exchange
        core, overlap = gradients.hcore_generator(molecule), gradients.get_ovlp(molecule)
        total = np.zeros((molecule.natm, 3))
        for atom, (_, _, start, end) in enumerate(molecule.aoslice_by_atom()):
            total[atom] = np.einsum("xij,ij->x", core(atom), density)
            total[atom] += 2 * np.einsum("xij,ij->x", potential[:, start:end], density[start:end])
            total[atom] -= 2 * np.einsum("xij,ij->x", overlap[:, start:end], weighted[start:end])
        return total
