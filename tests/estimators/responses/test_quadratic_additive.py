from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.conditions import Conditions
from hooke.core.errors import DataError
from hooke.estimators.responses import response_model

GENES = [f"G{number}" for number in range(7)]
PAIRS = [(GENES[a], GENES[b]) for a in range(7) for b in range(a)]


def test_a_planted_quadratic_is_exact() -> None:
    effects = np.random.default_rng(0).normal(size=(7, 3))
    sums = np.array([effects[GENES.index(a)] + effects[GENES.index(b)] for a, b in PAIRS])
    values = np.array([0.3, 0.0, -1.0]) + np.array([0.8, 1.0, 1.2]) * sums + np.array([0.5, 0.0, -0.2]) * sums**2
    model = response_model("quadratic_additive")
    model.fit(Conditions.of_genes(*GENES, *PAIRS[:12]), np.vstack([effects, values[:12]]))
    found = model.predict(Conditions.of_genes(*PAIRS[12:], GENES[2], ("NEW", GENES[0])))
    assert np.allclose(found.values[:9], values[12:], atol=1e-9)
    assert np.array_equal(found.values[9], effects[2])
    assert found.fallbacks[-1] == "NEW alone not measured"


def test_without_pairs_there_is_nothing_to_fit() -> None:
    with pytest.raises(DataError, match="training pairs whose single genes were both measured"):
        response_model("quadratic_additive").fit(Conditions.of_genes("A", ("B", "C")), np.ones((2, 1)))
