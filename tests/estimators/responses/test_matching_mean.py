from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import response_model


def test_the_average_of_the_means_of_both_genes() -> None:
    model = response_model("matching_mean")
    sets = [("A", "B"), ("A", "C"), ("B",), ("D",)]
    values = np.array([[1.0], [5.0], [2.0], [np.nan]])
    model.fit(Conditions.of_genes(*sets), values)
    found = model.predict(Conditions.of_genes(("B", "C"), ("A",), ("A", "NEW"), ("NEW",), ("D", "A")))
    mean = values[:3].mean()
    assert np.allclose(found.values[:, 0], [(1.5 + 5) / 2, 3.0, (3.0 + mean) / 2, mean, (3.0 + mean) / 2])
    assert found.fallbacks == ("", "", "", "none of its genes was perturbed in training", "")
