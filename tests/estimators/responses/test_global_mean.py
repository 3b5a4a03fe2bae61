from __future__ import annotations

import numpy as np
import pytest

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes
from hooke.core.errors import UnknownNameError, UsageError
from hooke.estimators.responses import response_model


@pytest.mark.parametrize(("weights", "expected"), [("cells", [2.5, 4.0, np.nan]), ("equal", [2.0, 4.0, np.nan])])
def test_weights(weights: str, expected: list[float]) -> None:
    model = response_model("global_mean", {"weights": weights})
    conditions = Conditions.of([of_genes("A"), of_genes("B")], counts=[1, 3])
    model.fit(conditions, np.array([[1.0, 4.0, np.nan], [3.0, np.nan, np.nan]]))
    assert np.array_equal(model.predict(conditions).values, [expected] * 2, equal_nan=True)


def test_names_and_options() -> None:
    with pytest.raises(UnknownNameError, match="unknown response model 'global_meen'. Did you mean 'global_mean'"):
        response_model("global_meen")
    with pytest.raises(UsageError, match="global_mean"):
        response_model("global_mean", {"weight": "cells"})
