"""Ground states of atoms."""

from __future__ import annotations

import pytest

from hooke.atoms.elements import NUMBERS
from hooke.atoms.ground_states import multiplicity_of
from hooke.core.errors import UsageError


def test_multiplicities_go_with_the_electrons() -> None:
    assert all((number - multiplicity_of(number)) % 2 for number in range(1, 87))


@pytest.mark.parametrize(
    ("symbol", "multiplicity"),
    [
        *{"H": 2, "He": 1, "C": 3, "N": 4, "O": 3, "F": 2, "Ne": 1, "Na": 2, "P": 4, "S": 3, "Cl": 2, "Ar": 1, "K": 2}.items(),
        *{"Cr": 7, "Mn": 6, "Fe": 5, "Cu": 2, "Zn": 1, "Br": 2, "Kr": 1, "Mo": 7, "Pd": 1, "Ag": 2, "I": 2, "Xe": 1}.items(),
        *{"Ce": 1, "Gd": 9, "Lu": 2, "W": 5, "Pt": 3, "Au": 2, "Hg": 1, "Bi": 4, "Rn": 1}.items(),
    ],
)  # fmt: skip
def test_known_ground_states(symbol: str, multiplicity: int) -> None:
    assert multiplicity_of(NUMBERS[symbol]) == multiplicity


def test_others_are_refused() -> None:
    with pytest.raises(UsageError, match="H to Rn are known here, not that of Fr"):
        multiplicity_of(87)
