from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import response_model


def test_nothing_happens() -> None:
    model = response_model("no_change")
    model.fit(Conditions.of_genes("A", "B"), np.array([[1.0, 2.0], [3.0, np.nan]]))
    found = model.predict(Conditions.of_genes("A", ("B", "C")))
    assert np.array_equal(found.values, np.zeros((2, 2)))
    assert found.fallbacks == ("", "")
