from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.perturbations import of_genes, parse_genes
from hooke.estimators.responses import response_model


def test_planted_additive_responses_are_exact() -> None:
    generator = np.random.default_rng(0)
    genes = [f"G{number}" for number in range(8)]
    effects = generator.normal(size=(8, 30))
    model = response_model("additive")
    model.fit(Conditions.of_genes(*genes), effects)
    pairs = [(genes[a], genes[b]) for a in range(8) for b in range(a)]
    found = model.predict(Conditions.of([parse_genes(f"{a}+ctrl+{b}") for a, b in pairs]))
    expected = [effects[genes.index(a)] + effects[genes.index(b)] for a, b in pairs]
    assert np.abs(found.values - expected).max() < 1e-9
    assert not any(found.fallbacks)


def test_the_same_context_comes_first() -> None:
    model = response_model("additive")
    sets, contexts = ["A", "A", "B", "C"], ["x", "y", "y", "x"]
    model.fit(Conditions.of(map(of_genes, sets), contexts, [1, 3, 1, 1]), np.array([[1.0], [5.0], [10.0], [np.nan]]))
    asked = [of_genes("A", "B"), of_genes("A", "B"), of_genes("A", "B"), of_genes("A", "D"), of_genes("D", "E")]
    found = model.predict(Conditions.of(asked, ["x", "y", "z", "x", "x"]))
    assert found.values[:3, 0].tolist() == [11.0, 15.0, 14.0]
    assert found.fallbacks[:3] == ("", "", "")
    assert found.fallbacks[3:] == ("D alone not measured", "D and E alone not measured")
    assert np.array_equal(found.values[3:, 0], [model.mean[0]] * 2)
