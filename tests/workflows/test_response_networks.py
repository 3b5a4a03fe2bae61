"""Networks as models of responses: a planted graph is found and a rewired one is not; residuals, fallbacks, arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, Graph, graph_of
from hooke.cells.perturbations import parse_treatment
from hooke.core.errors import DataError, UsageError
from hooke.core.recipe import Recipe
from hooke.estimators.responses import Knowledge, response_model
from hooke.evaluate.metrics import pearson
from hooke.workflows.response_networks import Cells, ResponseNetwork, network_recipe, random_folds

GENES = tuple(f"G{number:02d}" for number in range(36))
HELD = np.arange(0, 36, 6)


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Six modules of six genes, all linked within."""
    ends = [(a, b) for a in range(36) for b in range(a + 1, 36) if a // 6 == b // 6]
    table = pl.DataFrame(
        {"first": [GENES[a] for a, _ in ends], "second": [GENES[b] for _, b in ends], "weight": [1.0] * len(ends)}
    )
    return graph_of({EdgeSource("planted", "none needed"): table}).over(GENES)


@pytest.fixture(scope="module")
def responses() -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.repeat(generator.normal(size=(6, 30)), 6, axis=0) + 0.3 * generator.normal(size=(36, 30))


def recipe(**changed: object) -> Recipe:
    options = {"train.epochs": 40, "train.ensemble": 1, "train.patience": 0, "train.learning_rate": 3e-3,
               "model.width": 16, "model.node_width": 16, "model.hidden": 16, "task.hidden": 32, **changed}  # fmt: skip
    return network_recipe("txpert", [f"{name}={value}" for name, value in options.items()])


@pytest.fixture(scope="module")
def alone(graph: Graph, responses: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> ResponseNetwork:
    rest, folder = np.setdiff1d(np.arange(36), HELD), tmp_path_factory.mktemp("networks")
    model = ResponseNetwork(recipe(), Knowledge(graph), folder)
    model.fit(Conditions.of_genes(*GENES).take(rest), responses[rest])
    assert list(folder.iterdir()) == []
    return model


def test_a_planted_graph_is_found(alone: ResponseNetwork, responses: np.ndarray) -> None:
    found = alone.predict(Conditions.of_genes(*GENES).take(HELD))
    assert set(found.fallbacks) == {""}
    assert np.mean(pearson(found.values.T, responses[HELD].T)) > 0.6


def test_what_the_network_does_not_know_is_the_mean_with_a_reason(
    alone: ResponseNetwork, responses: np.ndarray
) -> None:
    found = alone.predict(Conditions.of_genes("NEW", ("G01", "NEW"), "G01"))
    assert found.fallbacks[2] == ""
    assert all("NEW: not among the genes" in reason for reason in found.fallbacks[:2])
    assert np.array_equal(found.values[0], found.values[1])
    rest = np.setdiff1d(np.arange(36), HELD)
    assert found.values[0] == pytest.approx(responses[rest].mean(axis=0), abs=1e-5)


def test_arrays_give_the_network_back(alone: ResponseNetwork, graph: Graph) -> None:
    arrays = alone.arrays()
    assert all(isinstance(value, np.ndarray) for value in arrays.values())
    again = ResponseNetwork.from_arrays(Knowledge(graph), arrays)
    asked = Conditions.of_genes("G00", ("G01", "G07"))
    assert np.array_equal(again.predict(asked).values, alone.predict(asked).values)
    with pytest.raises(DataError, match="not those of a network"):
        ResponseNetwork.from_arrays(Knowledge(graph), {"mean": np.zeros(1)})


def test_a_residual_of_nothing_to_learn_leaves_the_base(tmp_path: Path) -> None:
    """Additive responses, the additive base: what is left is zero, and the base is exact."""
    generator = np.random.default_rng(1)
    single = dict(zip(GENES[:8], generator.normal(size=(8, 5)), strict=True))
    pairs = [(GENES[a], GENES[b]) for a in range(8) for b in range(a + 1, 8)]
    conditions = Conditions.of_genes(*GENES[:8], *pairs)
    true = np.stack([sum((single[name] for name in parts), np.zeros(5)) for parts in conditions.parts])
    held = np.arange(len(true) - 5, len(true))
    rest = np.setdiff1d(np.arange(len(true)), held)

    def of_pairs(given: Conditions, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        rows = np.flatnonzero([len(parts) == 2 for parts in given.parts])
        return [(np.setdiff1d(np.arange(len(given)), part), part) for part in np.array_split(rows, 2)]

    model = ResponseNetwork(recipe(**{"train.epochs": 1}), Knowledge(), tmp_path, bases=("additive",), folds=of_pairs)
    model.fit(conditions.take(rest), true[rest])
    plain = response_model("additive")
    plain.fit(conditions.take(rest), true[rest])
    assert np.abs(plain.predict(conditions.take(held)).values - true[held]).max() < 1e-9
    assert np.abs(model.predict(conditions.take(held)).values - true[held]).max() < 1e-9


def test_the_residual_has_the_best_base_and_a_round_trip(graph: Graph, responses: np.ndarray, tmp_path: Path) -> None:
    rest = np.setdiff1d(np.arange(36), HELD)
    conditions, cells = Conditions.of_genes(*GENES), Cells(("",), np.ones((1, 30)), "log1p")
    model = ResponseNetwork(
        recipe(**{"train.epochs": 4}), Knowledge(graph), tmp_path, bases=("global_mean", "graph_kernel_ridge"), cells=cells
    )  # fmt: skip
    model.fit(conditions.take(rest), responses[rest])
    assert model.base_name == "graph_kernel_ridge"
    assert 0 <= model.weight <= 1
    assert model.base is not None
    found, base = (each.predict(conditions.take(HELD)) for each in (model, model.base))
    scores = [np.mean(pearson(each.values.T, responses[HELD].T)) for each in (found, base)]
    assert scores[0] > scores[1] - 0.01
    again = ResponseNetwork.from_arrays(Knowledge(graph), model.arrays())
    assert np.array_equal(again.predict(conditions.take(HELD)).values, found.values)
    assert again.base_name == "graph_kernel_ridge"


def test_what_cannot_be_trained_is_said(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a recipe of a network of responses"):
        network_recipe("tiny_profiles")
    with pytest.raises(DataError, match="more than 3 conditions"):
        ResponseNetwork(recipe(), Knowledge(graph), tmp_path).fit(Conditions.of_genes("A", "B", "C"), np.zeros((3, 2)))
    drugs = Conditions.of([parse_treatment(name) for name in "abcdef"])
    with pytest.raises(DataError, match="structure"):
        ResponseNetwork(recipe(), Knowledge(graph), tmp_path).fit(drugs, np.zeros((6, 2)))


def test_folds_hold_every_row_once() -> None:
    folds = random_folds(Conditions.of_genes(*GENES), 0)
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(36))
    assert all(not set(train.tolist()) & set(test.tolist()) for train, test in folds)
