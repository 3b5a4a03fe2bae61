"""Genes that were not perturbed in training, with a response over many read-outs; r of every gene over the read-outs.

Five folds of genes. Where read-outs are genes of the same list (a map of interactions), those of the fold are no read-outs, and the score of a
gene with itself is not known.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, known_graph
from hooke.estimators.responses import response_model
from hooke.evaluate.metrics import pearson
from hooke.studies.response_tasks import Measured, folds_of, graph_verdict, mean_scores, prepared, variants
from hooke.suites import ResponseTask

BASELINE = "global_mean"


def measure(task: ResponseTask, show_progress: bool = True) -> Iterator[Measured]:
    """One split: unseen genes."""
    profiles = prepared(task, show_progress).profiles()
    genes = profiles.column("gene").tolist()
    graph = known_graph(show_progress=show_progress).over(genes)
    symmetric = tuple(f"with_{gene}" for gene in genes) == profiles.features
    yield unseen_genes(task, genes, profiles.values.astype(np.float64), graph, symmetric=symmetric)


def unseen_genes(
    task: ResponseTask, genes: list[str], values: np.ndarray, graph: Graph, *, symmetric: bool, seed: int = 0
) -> Measured:
    """Every gene predicted once.

    Args:
        task: Its models.
        genes: (n,) names.
        values: (n, g) responses.
        graph: Over the genes.
        symmetric: Whether the read-outs are the genes.
        seed: Of the folds.
    """
    scores: dict[str, np.ndarray] = {}
    fallbacks: dict[str, int] = {}
    conditions = Conditions.of_genes(*genes)
    for name, model, knowledge in variants(task.models, graph):
        scores[name], fallbacks[name] = np.full(len(genes), np.nan), 0
        for fold in folds_of(len(genes), seed):
            train = np.setdiff1d(np.arange(len(genes)), fold)
            readouts = train if symmetric else np.arange(values.shape[1])
            responses = values[np.ix_(train, readouts)]
            if symmetric:
                np.fill_diagonal(responses, np.nan)
            fitted = response_model(model, knowledge=knowledge)
            fitted.fit(conditions.take(train), responses, seed=seed)
            predicted = fitted.predict(conditions.take(fold))
            scores[name][fold] = pearson(predicted.values.T, values[np.ix_(fold, readouts)].T)
            fallbacks[name] += sum(map(bool, predicted.fallbacks))
    found = mean_scores(scores, BASELINE, fallbacks)
    return Measured(task.name, "unseen gene", "r", "genes", len(genes), BASELINE, found, graph_verdict(found, BASELINE))
