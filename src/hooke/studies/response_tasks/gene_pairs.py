"""Pairs of genes with one score each: both genes seen in other pairs, one of them, or none; r over all held-out pairs.

    both seen   five folds of pairs
    one seen    five folds of genes; pairs of a gene of the fold with one outside it
    none seen   the same folds; pairs within the fold

Models of the last two learn from pairs of genes outside the fold alone. Intervals are over the first genes of the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, known_graph
from hooke.estimators.responses import Knowledge, response_model
from hooke.studies.response_tasks import (
    Measured,
    folds_of,
    gain_verdict,
    graph_verdict,
    pooled_scores,
    prepared,
    variants,
)
from hooke.studies.response_tasks.unseen_gene import measure as measure_genes
from hooke.suites import ResponseTask

BASELINE = "matching_mean"


def measure(task: ResponseTask, show_progress: bool = True) -> Iterator[Measured]:
    """Unseen genes by their profiles (`unseen_gene`, with the models of `options["profiles"]`), then the three splits of pairs."""
    yield from measure_genes(replace(task, models=tuple(task.options["profiles"])), show_progress)
    profiles = prepared(task, show_progress).profiles()
    genes = profiles.column("gene").tolist()
    graph = known_graph(show_progress=show_progress).over(genes)
    yield from pairs(task, genes, profiles.values.astype(np.float64), graph)


def pairs(task: ResponseTask, genes: list[str], scores: np.ndarray, graph: Graph, seed: int = 0) -> Iterator[Measured]:
    """The three splits.

    Args:
        task: Its models.
        genes: (n,) names.
        scores: (n, n) symmetric.
        graph: Over the genes.
        seed: Of the folds.
    """
    first, second = np.triu_indices(len(genes), 1)
    conditions = Conditions.of_genes(*((genes[a], genes[b]) for a, b in zip(first, second, strict=True)))
    true = scores[first, second]
    found = {model: np.full(len(true), np.nan) for model in task.models}
    fallbacks = dict.fromkeys(task.models, 0)
    for fold in folds_of(len(true), seed):
        rest = np.setdiff1d(np.arange(len(true)), fold)
        for model in task.models:
            fitted = response_model(model)
            fitted.fit(conditions.take(rest), true[rest, None], seed=seed)
            predicted = fitted.predict(conditions.take(fold))
            found[model][fold] = predicted.values[:, 0]
            fallbacks[model] += sum(map(bool, predicted.fallbacks))
    scored = pooled_scores(found, true, first, "pearson", BASELINE, fallbacks)
    yield Measured(
        task.name, "pairs, both genes seen", "pearson", "first genes", len(true), BASELINE, scored, gain_verdict(scored, BASELINE)
    )  # fmt: skip
    yield from _new_genes(task, conditions, true, first, second, graph, seed)


def _new_genes(
    task: ResponseTask, conditions: Conditions, true: np.ndarray, first: np.ndarray, second: np.ndarray, graph: Graph, seed: int
) -> Iterator[Measured]:  # fmt: skip
    splits = {"pairs, one gene seen": 1, "pairs, no gene seen": 2}
    found: dict[str, dict[str, list[np.ndarray]]] = {split: {} for split in splits}
    rows: dict[str, list[np.ndarray]] = {split: [] for split in splits}
    lost: dict[str, dict[str, int]] = {split: {} for split in splits}
    for fold in folds_of(len(graph), seed):
        inside = np.isin(first, fold).astype(int) + np.isin(second, fold)
        rest = np.flatnonzero(inside == 0)
        tests = {split: np.flatnonzero(inside == count) for split, count in splits.items()}
        for name, model, knowledge in variants(task.models, graph, Knowledge(), rewired=1, downsampled=False):
            fitted = response_model(model, knowledge=knowledge)
            fitted.fit(conditions.take(rest), true[rest, None], seed=seed)
            for split, test in tests.items():
                predicted = fitted.predict(conditions.take(test))
                found[split].setdefault(name, []).append(predicted.values[:, 0])
                lost[split][name] = lost[split].get(name, 0) + sum(map(bool, predicted.fallbacks))
        for split, test in tests.items():
            rows[split].append(test)
    for split, held in rows.items():
        test = np.concatenate(held)
        values = {name: np.concatenate(parts) for name, parts in found[split].items()}
        scored = pooled_scores(values, true[test], first[test], "pearson", BASELINE, lost[split])
        yield Measured(
            task.name, split, "pearson", "first genes", len(test), BASELINE, scored, graph_verdict(scored, BASELINE)
        )  # fmt: skip
