"""Models and baselines on the same test molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.recipe import Recipe, load_recipe
from hooke.images.store import ImageStore
from hooke.modalities.images import Images
from hooke.modalities.molecules import Molecules
from hooke.molecules.store import MoleculeStore
from hooke.studies.comparison import compare_with_baselines, difference_between, primary_table, read_split
from hooke.train.fit import fit


def test_comparison(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fit(recipe, runs=tmp_path, show_progress=False)
    store = MoleculeStore.open(Path(run.info["store"]))
    compared = compare_with_baselines({"model": run}, store, show_progress=False)
    assert list(compared.predictions) == ["model", "mean", "ridge", "forest"]
    assert (read_split(run) == "test").sum() >= len(compared.names) > 15
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
    monkeypatch.setattr(Molecules, "most_baseline_rows", 10)
    bare = compare_with_baselines({"model": run}, store, show_progress=False)
    assert list(bare.predictions) == ["model"]
    assert "baselines are left out" in bare.caveats[0]


def test_without_test_rows(recipe: Recipe, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(split={"fractions": (0.9, 0.1, 0.0)}), runs=tmp_path, show_progress=False)
    compared = compare_with_baselines({"model": run}, MoleculeStore.open(Path(run.info["store"])), show_progress=False)
    assert compared.labels == ()
    assert compared.caveats == ("no molecules were held out",)


def test_wells_of_an_ensemble(screen: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ["train.epochs=1", "train.threads=1", "train.ensemble=2", "data.split.fractions=[0.4,0.3,0.3]"]
    run = fit(load_recipe("tiny_wsl", overrides), runs=tmp_path, store=screen, show_progress=False)
    compared = compare_with_baselines({"model": run}, screen, show_progress=False)
    assert list(compared.predictions) == ["model", "mean", "nearest", "forest", "random weights"]
    assert compared.items == "wells"
    tested = screen.metadata[np.flatnonzero(read_split(run) == "test")].select("experiment", "plate", "well").unique()
    assert sorted(compared.names) == sorted("/".join(row) for row in tested.rows())
    codes, _ = screen.classes("perturbation")
    rows = pl.read_parquet(run.path("predictions_test.parquet"))["row"].to_numpy()
    assert np.array_equal(compared.truth[:, 0], codes[rows])
    commonest = np.bincount(codes[np.flatnonzero(np.isin(read_split(run), ["train", "valid"]))]).argmax()
    assert np.unique(compared.predictions["mean"]).tolist() == [commonest]
    [found] = compared.set_section(0, "model")
    fitted = run.read_json("uncertainty.json")["perturbation"]
    assert (found.wanted, found.calibrated_on) == (fitted["level"], fitted["count"])
    sure = compared.confidence_section(0, "model")
    assert sum(sure.count) == found.count == len(compared.names)
    accuracy = compared.scores["model"][0].value
    assert np.average(sure.observed, weights=sure.count) == pytest.approx(accuracy)
    monkeypatch.setattr(Images, "most_baseline_rows", 3)
    bare = compare_with_baselines({"model": run}, screen, show_progress=False)
    assert list(bare.predictions) == ["model"]
