"""Metrics that choose the best epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe
from hooke.molecules.store import MoleculeStore
from hooke.nn.weights import read_weights
from hooke.train.fit import fit
from hooke.train.monitor import logged_as, lower_is_better, rank


def test_directions_and_names() -> None:
    lower = (
        "loss",
        "graph/regression",
        "valid/logp/mae",
        "valid/all/normalised_rmse",
        "valid/qm9/homo/rmse",
        "valid/a/cross_entropy",
    )
    higher = (
        "valid/logp/r2",
        "valid/tox21/NR-AhR/roc_auc",
        "valid/l1000/macro_average_precision",
        "valid/logp/spearman",
    )
    assert all(map(lower_is_better, lower))
    assert not any(map(lower_is_better, higher))
    assert logged_as("loss") == "valid_loss"
    assert logged_as("valid/logp/mae") == "valid/logp/mae"


@pytest.mark.parametrize("monitor", ["valid/lipophilic/roc_auc", "valid/log_p/mae", "valid/all/normalised_mae"])
def test_the_best_epoch_is_that_of_the_metric(
    monitor: str, recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    changed = recipe.with_changes(train={"monitor": monitor, "keep_best": 2, "learning_rate": 0.03})
    run = fit(changed, runs=tmp_path, store=store, show_progress=False)
    lines = run.metrics()
    sign = 1 if lower_is_better(monitor) else -1
    ranked = sorted(lines, key=lambda line: sign * line[monitor])
    assert run.read_json("members/0/checkpoints.json") == [
        {"epoch": line["epoch"], monitor: line[monitor]} for line in ranked[:2]
    ]
    best, kept = (
        read_weights(run.path(f"members/0/{name}.safetensors")) for name in ("best", f"epoch-{ranked[0]['epoch']}")
    )
    assert all(best[name].equal(value) for name, value in kept.items())
    _, thing, metric = monitor.split("/")
    scores = run.means()["valid"]["graph"] if thing == "all" else run.scores()["valid"]["graph"]
    assert scores[thing][metric] == ranked[0][monitor]  # what is monitored is what is measured in the end


def test_what_cannot_be_monitored_is_refused(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    def monitored(name: str, **train: object) -> None:
        fit(recipe.with_changes(train={"monitor": name, **train}), runs=tmp_path, store=store, show_progress=False)

    with pytest.raises(UnknownNameError, match="Did you mean 'valid/log_p/rmse'"):
        monitored("valid/logp/rmse")
    with pytest.raises(UnknownNameError, match="valid/log_p/"):
        monitored("valid/log_p/roc_auc")
    with pytest.raises(UsageError, match="not defined on the validation rows"):
        monitored("valid/log_p/spearman")  # of eight rows
    with pytest.raises(UsageError, match="whole network in one process"):
        monitored("valid/log_p/mae", sharded=True, devices=2)


def test_a_training_on_all_rows_keeps_its_last_epoch(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    """It has no validation rows, whichever way the metric points that chose how long it is."""
    changed = recipe.with_changes(
        split={"fractions": (0.5, 0.3, 0.2)}, train={"monitor": "valid/log_p/r2", "refit": True, "learning_rate": 0.01}
    )
    run = fit(changed, runs=tmp_path, store=store, show_progress=False)
    assert max(line["epoch"] for line in run.metrics() if line["part"] == "refit") > 1
    best, last = (read_weights(run.path(f"refit/0/{name}.safetensors")) for name in ("best", "last"))
    assert all(best[name].equal(value) for name, value in last.items())


def test_ranks() -> None:
    assert rank("loss", 2.0) == rank("valid/logp/mae", 2.0) == -rank("valid/logp/r2", 2.0) == 2.0
    assert rank("valid/logp/r2", float("nan")) == rank("loss", None) == float("inf")
