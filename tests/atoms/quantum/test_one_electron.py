"""One-electron integrals against libcint."""

from __future__ import annotations

from typing import Any

import numpy as np

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.one_electron import one_electron


def test_all_four_are_libcints(pairs: Pairs, reference: Any) -> None:
    own = one_electron(pairs, 2)
    for matrices, name in zip(own, ("int1e_ovlp", "int1e_kin", "int1e_nuc", "int1e_r"), strict=True):
        for geometry in range(2):
            np.testing.assert_allclose(matrices[geometry], reference.matrix(name, geometry), atol=1e-12, rtol=0)
