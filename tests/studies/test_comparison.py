"""Models and baselines on the same test molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.recipe import Recipe
from hooke.molecules.store import MoleculeStore
from hooke.studies import comparison as module
from hooke.studies.comparison import compare_with_baselines, difference_between, primary_table, read_split
from hooke.train.fit import fit


def test_comparison(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fit(recipe, runs=tmp_path, show_progress=False)
    store = MoleculeStore.open(Path(run.info["store"]))
    compared = compare_with_baselines({"model": run}, store, show_progress=False)
    assert list(compared.predictions) == ["model", "mean", "ridge", "forest"]
    assert (read_split(run) == "test").sum() >= len(compared.smiles) > 15
    assert [metric.name for metric in compared.metrics] == ["rmse", "roc_auc"]
    low, high = compared.bounds(0)
    assert (high > low).all()
    table = primary_table(compared, "t")
    assert table.baselines == ("mean", "ridge", "forest")
    assert sum(score.best for score in table.tasks[0].scores) >= 1
    found = difference_between(compared, "ridge", "mean", 0)
    assert found.estimate.value is not None
    assert found.estimate.value < 0
    [section] = compared.coverage_section(0, "model")
    assert np.all((np.array(section.reached) >= 0) & (np.array(section.reached) <= 1))
    monkeypatch.setattr(module, "MAX_BASELINE_ROWS", 10)
    bare = compare_with_baselines({"model": run}, store, show_progress=False)
    assert list(bare.predictions) == ["model"]
    assert "baselines are left out" in bare.caveats[0]


def test_without_test_rows(recipe: Recipe, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(split={"fractions": (0.9, 0.1, 0.0)}), runs=tmp_path, show_progress=False)
    compared = compare_with_baselines({"model": run}, MoleculeStore.open(Path(run.info["store"])), show_progress=False)
    assert compared.labels == ()
    assert compared.caveats == ("no molecules were held out",)
