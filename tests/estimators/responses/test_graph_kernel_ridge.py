from __future__ import annotations

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators.responses import Knowledge, inner_folds, response_model
from hooke.testing.response_models import GENES, made_knowledge


def planted(seed: int = 0) -> tuple[Knowledge, np.ndarray]:
    """Responses that are smooth over the graph, and noise."""
    knowledge = made_knowledge()
    assert knowledge.graph is not None
    generator = np.random.default_rng(seed)
    return Knowledge(knowledge.graph), knowledge.graph.kernel(2.0) @ generator.normal(
        size=(24, 8)
    ) + 0.1 * generator.normal(size=(24, 8))


def test_the_formula_with_options_by_inner_folds() -> None:
    knowledge, values = planted()
    assert knowledge.graph is not None
    train, test = np.arange(24) % 4 > 0, np.arange(24) % 4 == 0
    genes = np.array(GENES)
    config = {"betas": (0.5, 3.0), "ridges": (0.05, 2.0)}
    model = response_model("graph_kernel_ridge", config, knowledge)
    model.fit(Conditions.of_genes(*genes[train]), values[train], seed=4)
    mean = values[train].mean(axis=0)
    errors = {}
    for beta in (0.5, 3.0):
        kernel = knowledge.graph.kernel(beta)[np.ix_(train, train)]
        for ridge in (0.05, 2.0):
            error = 0.0
            for fold in inner_folds(18, seed=4):
                rest = np.setdiff1d(np.arange(18), fold)
                dual = np.linalg.solve(
                    kernel[np.ix_(rest, rest)] + ridge * np.eye(len(rest)), (values[train] - mean)[rest]
                )
                error += np.square((values[train] - mean)[fold] - kernel[np.ix_(fold, rest)] @ dual).sum()
            errors[beta, ridge] = error
    beta, ridge = min(errors, key=lambda key: errors[key])
    assert model.learnt["options"].tolist() == [beta, ridge]
    kernel = knowledge.graph.kernel(beta)
    expected = mean + kernel[np.ix_(test, train)] @ np.linalg.solve(
        kernel[np.ix_(train, train)] + ridge * np.eye(18), values[train] - mean
    )
    assert np.allclose(model.predict(Conditions.of_genes(*genes[test])).values, expected, atol=1e-9)


def test_a_planted_graph_helps_and_a_rewired_one_does_not() -> None:
    knowledge, values = planted()
    assert knowledge.graph is not None
    train, test = np.arange(24) % 3 > 0, np.arange(24) % 3 == 0
    errors = {}
    for name, graph in {"graph": knowledge.graph, "rewired": knowledge.graph.rewired(0)}.items():
        model = response_model("graph_kernel_ridge", knowledge=Knowledge(graph))
        model.fit(Conditions.of_genes(*np.array(GENES)[train]), values[train])
        errors[name] = np.mean((model.predict(Conditions.of_genes(*np.array(GENES)[test])).values - values[test]) ** 2)
    errors["mean"] = np.mean((values[test] - values[train].mean(axis=0)) ** 2)
    assert errors["graph"] < 0.6 * errors["mean"]
    assert errors["rewired"] > 0.9 * errors["mean"]


def test_sets_of_genes_add_up_and_contexts_are_averaged() -> None:
    knowledge, values = planted()
    model = response_model("graph_kernel_ridge", {"betas": (1.0,), "ridges": (1e-9,)}, knowledge)
    pairs = [(GENES[a], GENES[b]) for a, b in ((0, 5), (7, 12), (3, 20))]
    conditions = Conditions.of_genes(*GENES, *pairs)
    additive = np.vstack([values, values[[0, 7, 3]] + values[[5, 12, 20]]])
    model.fit(conditions, additive - additive.mean(axis=0))
    asked = Conditions.of_genes((GENES[1], GENES[15]), GENES[1], GENES[15])
    found = model.predict(asked).values
    assert np.allclose(found[0], found[1] + found[2], atol=1e-6)


def test_contributions_are_the_coefficients_of_training_responses() -> None:
    knowledge, values = planted()
    model = response_model("graph_kernel_ridge", knowledge=knowledge)
    model.fit(Conditions.of_genes(*GENES[:18]), values[:18])
    asked = Conditions.of_genes(*GENES[18:])
    weights = model.contributions(asked)  # type: ignore[attr-defined]
    mean = values[:18].mean(axis=0)
    assert np.allclose(mean + weights @ (values[:18] - mean), model.predict(asked).values, atol=1e-8)


def test_without_a_path_there_is_a_reason() -> None:
    knowledge, values = planted()
    model = response_model("graph_kernel_ridge", knowledge=knowledge)
    model.fit(Conditions.of_genes(*GENES[:18]), values[:18])
    found = model.predict(Conditions.of_genes("NEW", GENES[0]))
    assert found.fallbacks == ("NEW: no path in the graph to a training perturbation", "")
    assert np.array_equal(found.values[0], model.mean)
