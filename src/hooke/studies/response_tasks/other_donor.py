"""Genome-wide screens in two donors: genes that were not perturbed in one donor, scored against the other; r over all genes.

Five folds of genes: each is predicted from the others in donor 1 and compared with donor 2, then the other way round; the ceiling is the
correlation of both donors. The mean of the training genes is one number, so that its r is not defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import Graph, known_graph
from hooke.estimators.responses import response_model
from hooke.evaluate.metrics import pearson
from hooke.studies.response_tasks import Measured, folds_of, graph_verdict, pooled_scores, prepared, variants
from hooke.suites import ResponseTask

BASELINE = "global_mean"


def measure(task: ResponseTask, show_progress: bool = True) -> Iterator[Measured]:
    """One split a screen."""
    screens: Mapping[str, tuple[str, str]] = task.options["donors"]
    profiles = prepared(task, show_progress).profiles()
    genes = profiles.column("gene").tolist()
    graph = known_graph(show_progress=show_progress).over(genes)
    for name, readouts in screens.items():
        places = [profiles.features.index(readout) for readout in readouts]
        yield unseen_in_one_donor(task, name, genes, profiles.values[:, places].astype(np.float64), graph)


def unseen_in_one_donor(
    task: ResponseTask, screen: str, genes: list[str], donors: np.ndarray, graph: Graph, seed: int = 0
) -> Measured:
    """Both directions of one screen.

    Args:
        task: Its models.
        screen: Name of the split.
        genes: (n,) names.
        donors: (n, 2).
        graph: Over the genes.
        seed: Of the folds.
    """
    conditions = Conditions.of_genes(*genes)
    donors = (donors - donors.mean(axis=0)) / donors.std(axis=0)
    found: dict[str, np.ndarray] = {}
    lost: dict[str, int] = {}
    for name, model, knowledge in variants(task.models, graph):
        found[name], lost[name] = np.full((2, len(genes)), np.nan), 0
        for fold in folds_of(len(genes), seed):
            rest = np.setdiff1d(np.arange(len(genes)), fold)
            for donor in (0, 1):
                fitted = response_model(model, knowledge=knowledge)
                fitted.fit(conditions.take(rest), donors[rest, donor, None], seed=seed)
                predicted = fitted.predict(conditions.take(fold))
                found[name][donor, fold] = predicted.values[:, 0]
                lost[name] += sum(map(bool, predicted.fallbacks))
    true, groups = donors[:, ::-1].T.ravel(), np.tile(np.arange(len(genes)), 2)
    scored = pooled_scores(
        {name: values.ravel() for name, values in found.items()}, true, groups, "pearson", BASELINE, lost
    )
    ceiling = float(pearson(donors[:, :1], donors[:, 1:])[0])
    return Measured(
        task.name, f"{screen}, unseen gene against the other donor", "pearson", "genes", len(genes), BASELINE, scored,
        graph_verdict(scored, BASELINE), {"other donor": ceiling},
    )  # fmt: skip
