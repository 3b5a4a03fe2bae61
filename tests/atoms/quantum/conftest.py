"""Two geometries of a molecule with elements of three periods, and PySCF's integrals of them in the order of `Shells`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.basis import Shells

NUMBERS = np.array([6, 16, 9, 1, 1, 1])
_PLACES = np.array(
    [[0.0, 0.0, 0.0], [3.4, 0.1, -0.2], [4.3, 2.9, 0.4], [-0.8, 1.9, 0.3], [-0.7, -1.1, 1.6], [-0.6, -0.9, -1.8]]
)  # bohr
POSITIONS = np.stack([_PLACES, _PLACES + 0.2 * np.random.default_rng(0).normal(size=_PLACES.shape)])


class Reference:
    """PySCF on the same geometries.

    Attributes:
        molecules: One a geometry.
        order: (functions,) where each function of `Shells` stands in PySCF.
    """

    def __init__(self) -> None:
        gto = pytest.importorskip("pyscf.gto")
        self.molecules = [
            gto.M(
                atom=[(SYMBOLS[number], place.tolist()) for number, place in zip(NUMBERS.tolist(), at, strict=True)],
                unit="Bohr", basis="sto-3g", verbose=0,
            )
            for at in POSITIONS
        ]  # fmt: skip
        where = {
            (atom, shell, axis): place
            for place, (atom, _, shell, axis) in enumerate(self.molecules[0].ao_labels(fmt=None))
        }
        shells, count = Shells.of("sto-3g", NUMBERS), Counter[int]()
        self.order = np.empty(shells.functions, np.int64)
        for shell, atom in enumerate(shells.atom.tolist()):
            count[atom] += 1
            own = [where[atom, f"{count[atom]}s", ""]]
            own += [where[atom, f"{count[atom]}p", axis] for axis in "xyz"] if shells.kind[shell] else []
            self.order[shells.first[shell] : shells.first[shell + 1]] = own

    def matrix(self, name: str, geometry: int, **options: Any) -> np.ndarray:
        """An integral, its last two axes in the order of `Shells`."""
        return self.ordered(self.molecules[geometry].intor(name, **options))

    def ordered(self, matrix: np.ndarray) -> np.ndarray:
        """The last two axes in the order of `Shells`."""
        return matrix[..., self.order, :][..., self.order]


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="session")
def pairs() -> Pairs:
    return Pairs.of(Shells.of("sto-3g", NUMBERS), POSITIONS)


@pytest.fixture(scope="session")
def densities() -> np.ndarray:
    """(2, functions, functions) symmetric, of no field."""
    some = np.random.default_rng(1).normal(size=(2, 22, 22)) / 5
    return some + some.transpose(0, 2, 1)
