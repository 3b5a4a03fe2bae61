"""What all estimators that learn label by label have in common."""

from __future__ import annotations

import numpy as np
import pytest
from tests.estimators.conftest import VALUE, Rows

from hooke.core import registry
from hooke.core.types import LabelledSpec


@pytest.mark.parametrize("name", ["mean", "ridge", "forest", "boosted_trees", "gaussian_process", "nearest"])
def test_the_unit_of_a_value_does_not_matter(name: str, rows: Rows) -> None:
    module, spec = registry.module("estimators", name), LabelledSpec((VALUE,))
    found = {}
    for exponent in (
        0,
        -100,
        60,
    ):  # 1, about 8e-31, about 1e18: exact in floating point, so that equality is to the bit
        estimator = module.Estimator(module.Config(), spec, "graph")
        estimator.fit(rows.train, np.ldexp(rows.targets[:, :1], exponent))
        again = module.Estimator.from_arrays(module.Config(), spec, "graph", estimator.arrays())
        found[exponent] = [np.ldexp(part, -exponent) for part in again.predict(rows.new)]
    for exponent in (-100, 60):
        for part, expected in zip(found[exponent], found[0], strict=True):
            assert np.array_equal(part, expected)
    assert name == "mean" or found[0][0].std() > 0.5
