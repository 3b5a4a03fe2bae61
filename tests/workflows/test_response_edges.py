"""Edges of a network's graph: contributions are complete, deletion is what the prediction says, and the explanation shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.conditions import Conditions
from hooke.cells.graph import EdgeSource, Graph, graph_of
from hooke.core.errors import UsageError
from hooke.core.runs import RunFolder
from hooke.estimators.responses import Knowledge, response_model
from hooke.report.explanation_page import page
from hooke.workflows.response_edges import attribute_edges
from hooke.workflows.response_explain import FittedRun, explain_response
from hooke.workflows.response_fit import NEW
from hooke.workflows.response_networks import ResponseNetwork, network_recipe

GENES = tuple(f"G{number:02d}" for number in range(24))
HELD = np.arange(0, 24, 4)
SIZES = ("model.width=16", "model.node_width=16", "model.hidden=16", "task.hidden=32", "train.ensemble=1", "train.patience=0",
         "train.learning_rate=3e-3", "train.epochs=25")  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    """Six modules of four genes, all linked within."""
    ends = [(a, b) for a in range(24) for b in range(a + 1, 24) if a // 4 == b // 4]
    table = pl.DataFrame(
        {"first": [GENES[a] for a, _ in ends], "second": [GENES[b] for _, b in ends], "weight": [1.0] * len(ends)}
    )
    return graph_of({EdgeSource("planted", "none needed"): table}).over(GENES)


@pytest.fixture(scope="module")
def responses() -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.repeat(generator.normal(size=(6, 30)), 4, axis=0) + 0.3 * generator.normal(size=(24, 30))


@pytest.fixture(scope="module")
def network(graph: Graph, responses: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> ResponseNetwork:
    rest = np.setdiff1d(np.arange(24), HELD)
    model = ResponseNetwork(network_recipe("txpert", SIZES), Knowledge(graph), tmp_path_factory.mktemp("networks"))
    model.fit(Conditions.of_genes(*GENES).take(rest), responses[rest])
    return model


def test_contributions_are_complete_and_near(network: ResponseNetwork) -> None:
    found = attribute_edges(network, Conditions.of_genes("G00"), most=1000)
    assert found.total == pytest.approx(found.difference, abs=0.02 * abs(found.difference) + 1e-4)
    assert sum(each.contribution for each in found.edges) == pytest.approx(found.total, abs=1e-5)
    module = {"G00", "G01", "G02", "G03"}
    assert all({each.first, each.second} <= module for each in found.edges)  # no path leads anywhere else
    assert {each.sources for each in found.edges} == {("planted",)}
    assert found.edges[0].lost != 0


def test_a_residual_has_the_edges_of_its_network_alone(
    network: ResponseNetwork, graph: Graph, responses: np.ndarray
) -> None:
    """With half of the weight, beside a base that is zero, shares of the same prediction are the same."""
    asked = Conditions.of_genes("G00")
    whole = attribute_edges(network, asked)
    half = ResponseNetwork(network.recipe, network.knowledge)
    half.spec, half.networks, half.weight = network.spec, network.networks, 0.5
    half.base = response_model("no_change")
    half.base.fit(Conditions.of_genes(*GENES), responses)
    assert attribute_edges(half, asked).total == pytest.approx(whole.total, rel=1e-4)
    half.base = response_model("graph_kernel_ridge", knowledge=Knowledge(graph))
    half.base.fit(Conditions.of_genes(*GENES), responses)
    found = attribute_edges(half, asked)
    assert found.total == pytest.approx(found.difference, abs=0.02 * abs(found.difference) + 1e-4)


def test_a_network_without_edges_is_refused(network: ResponseNetwork) -> None:
    bare = ResponseNetwork(network.recipe)
    with pytest.raises(UsageError, match="reads no graph"):
        attribute_edges(bare, Conditions.of_genes("G00"))


def test_an_explanation_of_a_network_shows_edges_and_verifies_nothing_that_it_saw(
    network: ResponseNetwork, responses: np.ndarray, tmp_path: Path
) -> None:
    rest = np.setdiff1d(np.arange(24), HELD)
    fitted = FittedRun(
        RunFolder(tmp_path), tuple(f"R{number}" for number in range(30)), ("",), Conditions.of_genes(*GENES).take(rest), responses[rest],
        np.full(len(rest), 0.8), np.ones(len(rest), bool), {NEW: "txpert"}, {"txpert": network},
    )  # fmt: skip
    new = explain_response(tmp_path, "G00", pathways="none", verify="none", fitted=fitted)
    assert new.model == "txpert"
    assert new.edges is not None
    assert new.neighbours == ()
    assert "Edges of the graph" in page(new)
    assert new.to_json()["edges"]["edges"][0]["sources"] == ("planted",)
    seen = explain_response(tmp_path, "G01", pathways="none", verify="none", fitted=fitted)
    assert "trained on it" in seen.notes[0]
    assert np.isnan(seen.r)
    assert {claim.verdict for claim in seen.claims} == {"untestable"}
    exact = explain_response(tmp_path, "G01", model="graph_kernel_ridge", pathways="none", verify="none", fitted=fitted)
    assert exact.edges is None
    assert np.isfinite(exact.r)
