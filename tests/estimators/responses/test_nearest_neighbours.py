from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import Knowledge, Named, response_model
from hooke.testing.response_models import GENES, made_knowledge


def test_the_formula_on_a_graph() -> None:
    generator, graph = np.random.default_rng(0), made_knowledge().graph
    assert graph is not None
    values = generator.normal(size=(18, 4))
    model = response_model("nearest_neighbours", {"pull": 2.0}, Knowledge(graph))
    model.fit(Conditions.of_genes(*GENES[:18]), values)
    asked = [(GENES[20],), (GENES[3],), (GENES[4], GENES[21]), ("NEW",)]
    found = model.predict(Conditions.of_genes(*asked))
    adjacency, mean = graph.adjacency.toarray(), values.mean(axis=0)
    for row, genes in enumerate(asked[:3]):
        weight = np.zeros(18)
        for gene in genes:
            place = GENES.index(gene)
            weight += adjacency[place, :18] + (np.arange(18) == place)
        expected = mean + weight @ (values - mean) / (weight.sum() + 2.0)
        assert bool(found.fallbacks[row]) == (not weight.any())
        assert np.allclose(found.values[row], expected)
    assert found.fallbacks[3] == "NEW: no edge to a training perturbation"


def test_the_nearest_in_an_embedding() -> None:
    embedding = Named(("A", "B", "C", "D", "E"), np.array([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0], [1, 0.05]]))
    model = response_model("nearest_neighbours", {"pull": 1.0, "neighbours": 2}, Knowledge(embedding=embedding))
    values = np.array([[1.0], [2.0], [9.0], [4.0]])
    model.fit(Conditions.of_genes("A", "B", "C", "D"), values)
    found = model.predict(Conditions.of_genes("E", "NEW"))
    unit = embedding.values / np.linalg.norm(embedding.values, axis=1, keepdims=True)
    weight = (unit @ unit[4])[:2]  # A and B are nearest
    assert np.allclose(found.values[0], 4 + weight @ (values[:2] - 4) / (weight.sum() + 1))
    assert found.fallbacks == ("", "NEW: no similarity to a training perturbation")
