"""Energies of elements from the composition of systems: E = Σ counts · ε, by least squares or ridge, over data of any size.

Source: least squares by a QR factor that is updated block by block (Golub and Van Loan, Matrix Computations, 12.5): counts are never squared,
so that small differences between large energies keep their digits. Standard errors are those of ordinary least squares; for ridge those
of the estimator at this penalty, σ² A⁻¹ XᵀX A⁻¹ with A = XᵀX + λ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.atoms.elements import MAX_NUMBER, SYMBOLS
from hooke.core.errors import UsageError

ELEMENTS = np.arange(1, MAX_NUMBER + 1)
_RANK = 1e-10


@dataclass(frozen=True)
class CompositionFit:
    """Energies of elements.

    Attributes:
        elements: (N,) atomic numbers.
        energies: (N,) in the unit of the energies that were fitted.
        errors: (N,) standard errors; NaN where there are no more systems than elements.
        spread: Standard deviation of the residuals, with N degrees of freedom taken off; NaN likewise.
        systems: How many were fitted.
    """

    elements: np.ndarray
    energies: np.ndarray
    errors: np.ndarray
    spread: float
    systems: int


class CompositionRegression:
    """Takes systems block by block; `fit` may be called at any time."""

    def __init__(self) -> None:
        self._factor = np.zeros((0, MAX_NUMBER + 1))
        self._systems = 0

    def update(self, counts: np.ndarray, energies: np.ndarray) -> None:
        """Take (systems, 118) counts of the elements 1 to 118 and (systems,) energies; systems whose energy is NaN teach nothing."""
        known = ~np.isnan(energies)
        block = np.column_stack([counts[known], energies[known]]).astype(np.float64)
        self._systems += len(block)
        self._factor = _triangle(np.concatenate([self._factor, block]))

    def fit(self, ridge: float = 0.0) -> CompositionFit:
        """The energies of the elements that occur.

        Args:
            ridge: λ, added to the diagonal of XᵀX; 0 for least squares.

        Raises:
            UsageError: There are no energies, or the compositions do not tell some elements apart and there is no ridge.
        """
        present = np.abs(self._factor[:, :-1]).max(axis=0, initial=0) > 0
        elements = ELEMENTS[present]
        if not len(elements):
            raise UsageError("there are no energies to fit the energies of elements to")
        factor = _triangle(self._factor[:, np.append(present, True)])
        design, aim = factor[:, :-1], factor[:, -1]
        _require_rank(design, elements, ridge)
        penalty = np.sqrt(ridge) * np.eye(len(elements))
        energies = np.linalg.lstsq(
            np.concatenate([design, penalty]), np.concatenate([aim, np.zeros(len(elements))]), rcond=None
        )[0]
        free = self._systems - len(elements)
        spread = float(np.sqrt(((design @ energies - aim) ** 2).sum() / free)) if free > 0 else np.nan
        gram = design.T @ design
        inverse = np.linalg.inv(gram + ridge * np.eye(len(elements)))
        errors = spread * np.sqrt(np.clip(np.diag(inverse @ gram @ inverse), 0, None))
        return CompositionFit(elements, energies, errors, spread, self._systems)


def _triangle(matrix: np.ndarray) -> np.ndarray:
    """The factor R of a QR decomposition."""
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def _require_rank(design: np.ndarray, elements: np.ndarray, ridge: float) -> None:
    scale = np.linalg.norm(design, axis=0)
    _, values, vectors = np.linalg.svd(design / scale)
    full = np.zeros(len(elements))
    full[: len(values)] = values
    if ridge > 0 or full.min() > _RANK * full.max():
        return
    involved = (np.abs(vectors[full <= _RANK * full.max()]) > 1e-6).any(axis=0)
    names = ", ".join(SYMBOLS[number] for number in elements[involved])
    raise UsageError(
        f"the compositions do not tell the energies of {names} apart (they occur in fixed proportions): give the energies of isolated "
        "atoms (isolated_atoms=FILE), take systems of other compositions, or fit with a ridge"
    )
