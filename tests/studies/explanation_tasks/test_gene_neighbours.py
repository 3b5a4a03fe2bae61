"""Planted responses that are smooth over a graph: explanations agree with the truth, a rewired graph's do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.graph import EdgeSource, Graph, graph_of
from hooke.core.errors import UsageError
from hooke.studies.explanation_tasks.gene_neighbours import Folds, by_deletion, by_relations, measure
from hooke.studies.response_tasks import folds_of
from hooke.suites import suite

NAMES = [f"GENE{number:03d}" for number in range(96)]


@pytest.fixture(scope="module")
def planted() -> tuple[Graph, np.ndarray]:
    """Groups of eight genes and many edges between groups; responses follow the groups alone."""
    generator = np.random.default_rng(0)
    group = np.arange(96) // 8
    first, second = np.triu_indices(96, 1)
    kept = (group[first] == group[second]) | (generator.random(len(first)) < 0.08)
    edges = pl.DataFrame({"first": np.array(NAMES)[first[kept]], "second": np.array(NAMES)[second[kept]]})
    graph = graph_of({EdgeSource("made", "CC0"): edges.with_columns(weight=pl.lit(1.0))}).over(NAMES)
    return graph, generator.normal(size=(12, 30))[group] + 0.7 * generator.normal(size=(96, 30))


def test_planted_groups_are_explained(planted: tuple[Graph, np.ndarray]) -> None:
    graph, values = planted
    data = Folds(NAMES, values, folds_of(96), symmetric=False)
    fidelity, truth, accuracy = by_deletion("made", data, graph)
    assert fidelity.value.low > 1.2
    assert truth.verdict == "above its null"
    assert truth.value.value > 0.4
    assert fidelity.count == accuracy.count <= truth.count <= 96
    again = [each.to_json() for each in by_deletion("made", data, graph)]
    assert again == [each.to_json() for each in (fidelity, truth, accuracy)]
    noise = Folds(NAMES, np.random.default_rng(1).normal(size=(96, 30)), folds_of(96), symmetric=False)
    _, nothing, _ = by_deletion("noise", noise, graph)
    assert abs(nothing.gain.value) < 0.1


def test_relations_outside_the_graph(planted: tuple[Graph, np.ndarray]) -> None:
    graph, values = planted
    data = Folds(NAMES, values, folds_of(96), symmetric=False)
    group = np.arange(96) // 8
    first, second = np.triu_indices(96, 1)
    inside = group[first] == group[second]
    held_out = inside & (np.arange(len(first)) % 3 == 0)
    keep = ~np.isin(graph.first * 96 + graph.second, first[held_out] * 96 + second[held_out])
    model = Graph(
        graph.genes, graph.first[keep], graph.second[keep], graph.weights[keep], graph.members[keep], graph.sources
    )
    pairs = np.stack([first[inside], second[inside]], axis=1)
    found = list(by_relations("made", data, model, "groups", pairs))
    contribution, _, predicted, measured, retained, matched = found
    assert predicted.count == held_out.sum()  # pairs with an edge in the graph leave the queries
    assert measured.verdict == predicted.verdict == contribution.verdict == "above its null"
    assert "chance 0.10" in retained.measure
    assert retained.value.value == pytest.approx((predicted.value.value - 0.1) / (measured.value.value - 0.1))
    assert 0.0 < matched.value.low < matched.value.value < 1.0
    leak = list(by_relations("made", data, graph, "groups", pairs, own=True))
    assert [each.verdict for each in leak if "retained" in each.measure] == [
        "a leak: the model was given these relations"
    ] * 2
    noise = Folds(NAMES, np.random.default_rng(1).normal(size=(96, 30)), folds_of(96), symmetric=False)
    *_, nothing = by_relations("noise", noise, model, "groups", pairs)
    assert nothing.verdict.startswith("not evaluable")


@pytest.mark.mirror
def test_horlbeck(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures that the issue asks for."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    [task] = [task for task in suite("explanations").tasks if task.name == "horlbeck"]
    with pytest.raises(UsageError, match="own graph holds StringDB"):
        next(measure(task, ["StringDB"], False, False))
    found = {each.measure.split(":")[0]: each for each in measure(task, (), False, False)}
    assert found["model fidelity"].value.value >= 1.3
    assert found["truth agreement"].value.value >= 0.22
    assert found["truth agreement"].value.low > 0.12
    assert found["accuracy lost without the top quarter"].verdict.startswith("null result")
