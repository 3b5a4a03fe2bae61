"""Causal edges between regulators: what known relations, and a model on their graph, say of effects that were measured by knocking genes out.

    known relations   AUROC of the measured size of effects (larger of both directions) for pairs with an edge in the graph
    unseen regulator  AUROC of predicted |effect| for edges (posterior inclusion probability above 1/2), regulators held out in five folds

The null of the first permutes sizes among pairs whose ends have nearly the same product of degrees; that of the second permutes predictions of
a regulator among genes with nearly the same number of regulators, so that "changes often" does not count as knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, known_graph
from hooke.datasets.regulators import read_evidence
from hooke.estimators.responses import Knowledge, response_model
from hooke.evaluate.faithfulness import ranked, strata
from hooke.studies.explanation_tasks import Explained, data_set
from hooke.studies.response_tasks import folds_of
from hooke.suites import ExplanationTask

MODELS = ("global_mean", "graph_kernel_ridge")
_INCLUDED = 0.5  # posterior inclusion probability of an edge


def measure(
    task: ExplanationTask, relations: Sequence[str], own: bool, show_progress: bool = True
) -> Iterator[Explained]:
    """All measures on the published table."""
    dataset, _ = data_set(task, show_progress)
    genes, evidence = read_evidence(dataset.files()[0])
    graph = known_graph(show_progress=show_progress).over(genes)
    yield from causal_edges(task.name, genes, evidence, graph)


def causal_edges(
    task: str, genes: list[str], evidence: dict[str, np.ndarray], graph: Graph, seed: int = 0
) -> Iterator[Explained]:
    """The measures.

    Args:
        task: Name.
        genes: (n,) names.
        evidence: (n, n) of parent and child: "beta", "PIP".
        graph: Over the genes.
        seed: Of folds, bootstrap and nulls.
    """
    generator = np.random.default_rng(seed)
    count = len(genes)
    size = np.abs(evidence["beta"])
    upper = np.triu_indices(count, 1)
    degrees, adjacency = graph.degrees, graph.adjacency.toarray() > 0
    some = (degrees[upper[0]] * degrees[upper[1]]) > 0  # a pair without any edge at an end can have none
    pairs = upper[0][some], upper[1][some]
    found = ranked(
        np.maximum(size, size.T)[pairs], adjacency[pairs], strata(degrees[pairs[0]] * degrees[pairs[1]], size=16), generator
    )  # fmt: skip
    yield Explained.of(
        task, "effects rank known relations", "auroc", found, "edges of the graph",
        "sizes permuted among pairs with nearly the same product of degrees; bootstrap over pairs",
    )  # fmt: skip
    off = ~np.eye(count, dtype=bool)
    edges = np.nan_to_num(evidence["PIP"]) > _INCLUDED
    popular = strata(edges.sum(axis=0))
    stratum = np.arange(count)[:, None] * count + popular  # within a regulator, children of like degree
    for name in MODELS:
        predicted = _unseen(genes, evidence["beta"], graph, name, seed)
        ranks = ranked(np.abs(predicted)[off], edges[off], stratum[off], generator)
        yield Explained.of(
            task, f"predicted effects of unseen regulators rank edges, {name}", "auroc", ranks, "edges",
            "predictions permuted within regulators among genes with nearly as many regulators; bootstrap over pairs",
        )  # fmt: skip


def _unseen(genes: list[str], effects: np.ndarray, graph: Graph, name: str, seed: int) -> np.ndarray:
    """(n, n) predicted effects, every regulator held out once."""
    conditions, predicted = Conditions.of_genes(*genes), np.zeros(effects.shape)
    for fold in folds_of(len(genes), seed):
        train = np.setdiff1d(np.arange(len(genes)), fold)
        model: Any = response_model(name, knowledge=Knowledge(graph))
        model.fit(conditions.take(train), effects[train], seed=seed)
        predicted[fold] = model.predict(conditions.take(fold)).values
    return predicted
