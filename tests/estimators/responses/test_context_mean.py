from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes
from hooke.estimators.responses import response_model


def test_means_by_context() -> None:
    model = response_model("context_mean")
    conditions = Conditions.of(map(of_genes, "ABC"), ["x", "x", "y"], [1, 3, 1])
    model.fit(conditions, np.array([[1.0], [3.0], [10.0]]))
    found = model.predict(Conditions.of(map(of_genes, "AAA"), ["y", "x", "z"]))
    assert found.values[:, 0].tolist() == [10.0, 2.5, 4.0]
    assert found.fallbacks == ("", "", "z: no training perturbation in the context")
