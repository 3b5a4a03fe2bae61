"""Matrices of molecules by own integrals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.functionals import FUNCTIONALS
from hooke.nn.atoms.scf.matrices import OwnMatrices


@pytest.mark.parametrize("numbers", [[1, 1], [3, 9], [8, 1, 1], [16, 17], [13, 18]])
def test_the_guess_has_the_electrons_of_the_atoms(numbers: list[int]) -> None:
    positions = np.array([[[0.0, 0.0, 2.5 * atom] for atom in range(len(numbers))]] * 2)
    matrices = OwnMatrices(FUNCTIONALS["b3lyp"], Shells.of("sto-3g", np.array(numbers)), positions)
    guess = matrices.guess()
    assert guess.shape == matrices.overlap.shape
    electrons = torch.einsum("gij,gij->g", guess, matrices.overlap)
    assert electrons.tolist() == pytest.approx([sum(numbers)] * 2)
    assert float(guess[0].diagonal().max()) <= 2


def test_matrices_are_symmetric_and_positive() -> None:
    matrices = OwnMatrices(
        FUNCTIONALS["svwn"],
        Shells.of("sto-3g", np.array([8, 1, 1])),
        np.array([[[0, 0, 0], [0, 0, 1.8], [1.7, 0, -0.5]]]),
    )
    for matrix in (matrices.overlap, matrices.core, matrices.dipole[:, 2]):
        torch.testing.assert_close(matrix, matrix.mT)
    assert float(torch.linalg.eigvalsh(matrices.overlap).min()) > 0
    coulomb, exchange = matrices.coulomb_and_exchange(matrices.guess())
    assert float((coulomb * matrices.guess()).sum()) > float((exchange * matrices.guess()).sum()) > 0
