from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes, parse_genes, parse_treatment
from hooke.estimators.responses import response_model


def test_means_by_perturbation_over_contexts() -> None:
    model = response_model("perturbation_mean")
    conditions = Conditions.of([parse_genes("A+B"), parse_genes("ctrl+B+A"), of_genes("C")], ["x", "y", "x"], [1, 3, 1])
    model.fit(conditions, np.array([[1.0], [3.0], [10.0]]))
    found = model.predict(Conditions.of([of_genes("B", "A"), of_genes("C"), of_genes("A")], ["z"] * 3))
    assert found.values[:, 0].tolist() == [2.5, 10.0, 4.0]
    assert found.fallbacks == ("", "", "A: not measured in any context")


def test_another_dose_is_another_perturbation() -> None:
    model = response_model("perturbation_mean")
    model.fit(Conditions.of([parse_treatment("abc", 1, "uM")]), np.array([[2.0]]))
    found = model.predict(Conditions.of([parse_treatment("abc", 1000, "nM"), parse_treatment("abc", 2, "uM")]))
    assert [bool(reason) for reason in found.fallbacks] == [False, True]
