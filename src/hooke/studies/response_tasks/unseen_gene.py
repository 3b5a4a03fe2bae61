"""Genes that were not perturbed in training, with a response over many read-outs; r of every gene over the read-outs.

Five folds of genes. Where read-outs are genes of the same list (a map of interactions), those of the fold are no read-outs, and the score of a
gene with itself is not known. Networks are measured alone, on a rewired copy of the graph, and as the residual of the best model in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, known_graph
from hooke.core.paths import cache_folder
from hooke.estimators.responses import PLUS, Knowledge, response_model
from hooke.evaluate.bootstrap import paired_difference
from hooke.evaluate.metrics import pearson
from hooke.studies.response_tasks import Measured, folds_of, graph_verdict, mean_scores, prepared, variants
from hooke.suites import ResponseTask
from hooke.workflows.response_networks import ResponseNetwork, network_recipe

BASELINE = "global_mean"
NO_BASE = (
    "no_change",
    "bilinear_ridge",
)  # of residuals: without a prediction of its own, or slow to fit in folds of folds


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
    references: dict[str, float] = {}
    for name in task.networks:
        references |= _networks(name, task, conditions, values, graph, symmetric, seed, scores, fallbacks)
    found = mean_scores(scores, BASELINE, fallbacks)
    verdict = graph_verdict(found, BASELINE)
    return Measured(task.name, "unseen gene", "r", "genes", len(genes), BASELINE, found, verdict, references)


def _networks(
    name: str, task: ResponseTask, conditions: Conditions, values: np.ndarray, graph: Graph, symmetric: bool, seed: int,
    scores: dict[str, np.ndarray], fallbacks: dict[str, int],
) -> dict[str, float]:  # fmt: skip
    """Adds the scores of one network; returns what its residual gains over its base, with the interval, and the mean weight."""
    recipe, folder = network_recipe(name), cache_folder() / "response_networks"
    name = recipe.name
    residual, base = f"closed form {PLUS} {name}", f"base of {name}"
    shown = {name: (graph, False), f"{name}, rewired 1": (graph.rewired(0), False), residual: (graph, True)}
    own = {base: np.full(len(values), np.nan)}
    weights = []
    for label, (known, is_residual) in shown.items():
        scores[label], fallbacks[label] = np.full(len(values), np.nan), 0
        for fold in folds_of(len(values), seed):
            train = np.setdiff1d(np.arange(len(values)), fold)
            readouts = train if symmetric else np.arange(values.shape[1])
            responses = values[np.ix_(train, readouts)]
            if symmetric:
                np.fill_diagonal(responses, np.nan)
            bases = [each for each in task.models if each not in NO_BASE] if is_residual else []
            model = ResponseNetwork(recipe, Knowledge(known), folder, bases=bases)
            model.fit(conditions.take(train), responses, seed=seed)
            asked, true = conditions.take(fold), values[np.ix_(fold, readouts)].T
            predicted = model.predict(asked)
            scores[label][fold] = pearson(predicted.values.T, true)
            fallbacks[label] += sum(map(bool, predicted.fallbacks))
            if model.base is not None:
                own[base][fold] = pearson(model.base.predict(asked).values.T, true)
                weights.append(model.weight)
    gain = scores[residual] - own[base]
    interval = paired_difference(gain[~np.isnan(gain)], generator=np.random.default_rng(seed))
    return {
        f"{residual} over its base": interval.value, "from": interval.low, "to": interval.high, "mean weight": float(np.mean(weights)),
    }  # fmt: skip
