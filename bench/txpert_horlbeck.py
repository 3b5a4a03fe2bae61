"""TxPert on unseen genes of Horlbeck's map, fold by fold: `python bench/txpert_horlbeck.py [--base graph_kernel_ridge] [train.ensemble=1 ...]`.

Alone, or as the residual of a model in closed form; `hooke benchmark responses --tasks horlbeck --systems txpert` measures both with intervals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.cells.graph import known_graph
from hooke.estimators.responses import Knowledge, response_model
from hooke.evaluate.metrics import pearson
from hooke.studies.response_tasks import folds_of, prepared
from hooke.suites import suite
from hooke.workflows.response_networks import ResponseNetwork, network_recipe


def main() -> None:
    """Print r of network, mean and kernel on each fold, and the weight of the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="")
    parser.add_argument("--folder", type=Path, default=Path("runs"))
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    [task] = [task for task in suite("responses").tasks if task.name == "horlbeck"]
    profiles = prepared(task, False).profiles()
    genes, values = profiles.column("gene").tolist(), profiles.values.astype(np.float64)
    knowledge, conditions = Knowledge(known_graph(show_progress=False).over(genes)), Conditions.of_genes(*genes)
    recipe, rows = network_recipe("txpert", given.overrides), []
    for fold in folds_of(len(genes)):
        train = np.setdiff1d(np.arange(len(genes)), fold)
        responses, true = values[np.ix_(train, train)].copy(), values[np.ix_(fold, train)].T
        np.fill_diagonal(responses, np.nan)
        network = ResponseNetwork(recipe, knowledge, given.folder, bases=[given.base] if given.base else [])
        models = [
            network,
            *(response_model(name, knowledge=knowledge) for name in ("global_mean", "graph_kernel_ridge")),
        ]
        scores = []
        for model in models:
            model.fit(conditions.take(train), responses)
            scores.append(float(np.nanmean(pearson(model.predict(conditions.take(fold)).values.T, true))))
        rows.append(scores)
        print(*(f"{score:.4f}" for score in scores), f"weight {network.weight:.3f}", flush=True)
    print("mean", *(f"{score:.4f}" for score in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
