from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import Knowledge, Named, response_model
from hooke.testing.response_models import GENES, made_knowledge


def test_the_formula() -> None:
    generator = np.random.default_rng(0)
    embedding = Named(tuple(GENES), generator.normal(size=(24, 4)))
    values = embedding.values @ generator.normal(size=(4, 30)) + 0.1 * generator.normal(size=(24, 30))
    train = np.arange(18)
    model = response_model("bilinear_ridge", {"components": 3, "ridge": 0.2}, Knowledge(embedding=embedding))
    model.fit(Conditions.of_genes(*GENES[:18]), values[train])
    mean = values[train].mean(axis=0)
    left = (values[train] - mean).T
    vectors, sizes, _ = np.linalg.svd(left, full_matrices=False)
    scores, above = (vectors * sizes)[:, :3], embedding.values[train].T
    core = (
        np.linalg.inv(scores.T @ scores + 0.2 * np.eye(3))
        @ scores.T
        @ left
        @ above.T
        @ np.linalg.inv(above @ above.T + 0.2 * np.eye(4))
    )
    asked = Conditions.of_genes(*GENES[18:], (GENES[18], GENES[19]), "NEW")
    found = model.predict(asked)
    for row, parts in enumerate(asked.parts[:-1]):
        new = sum(embedding.values[GENES.index(gene)] for gene in parts)
        assert np.allclose(found.values[row], mean + scores @ core @ new)
    assert found.fallbacks[-1] == "NEW: no embedding"
    assert np.corrcoef(found.values[:6].ravel(), values[18:].ravel())[0, 1] > 0.9


def test_the_directions_of_a_graph_stand_for_an_embedding() -> None:
    knowledge = made_knowledge()
    assert knowledge.graph is not None
    values = knowledge.graph.kernel(3.0) @ np.random.default_rng(0).normal(size=(24, 10))
    model = response_model("bilinear_ridge", {"directions": 8}, Knowledge(knowledge.graph))
    model.fit(Conditions.of_genes(*GENES[:16]), values[:16])
    found = model.predict(Conditions.of_genes(*GENES[16:]))
    assert np.mean((found.values - values[16:]) ** 2) < 0.7 * np.mean((values[:16].mean(axis=0) - values[16:]) ** 2)
