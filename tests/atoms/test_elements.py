from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.elements import SYMBOLS, formula, numbers_of


def test_symbols_and_numbers() -> None:
    assert (SYMBOLS[1], SYMBOLS[17], SYMBOLS[118], len(SYMBOLS)) == ("H", "Cl", "Og", 119)
    assert numbers_of(["H", "Cl", "CL", "cl", "53", "Og"]).tolist() == [1, 17, 17, 17, 53, 118]
    assert numbers_of(SYMBOLS[1:]).tolist() == [*range(1, 119)]
    for wrong in ("Xx", "", "0", "119", "C1", "*", "١"):
        with pytest.raises(ValueError, match="is no element"):
            numbers_of([wrong])


def test_formulas_follow_hills_rule() -> None:
    assert formula(np.array([8, 6, 6, 1, 1, 1, 1, 1, 1])) == "C2H6O"
    assert formula(np.array([17, 11])) == "ClNa"
    assert formula(np.array([8, 1, 1])) == "H2O"
