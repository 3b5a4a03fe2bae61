"""Models and baselines on the same test molecules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.api.training import FittedRun
from hooke.core.recipe import Recipe, load_recipe
from hooke.images.store import ImageStore
from hooke.modalities.images import Images
from hooke.modalities.molecules import Molecules
from hooke.molecules.store import MoleculeStore
from hooke.report.drawing import MoleculePool
from hooke.studies.comparison import compare_with_baselines, difference_between, primary_table, read_split
from hooke.studies.run_report import plot_sections
from hooke.train.fit import fit


def test_comparison(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fit(recipe, runs=tmp_path, show_progress=False)
    store = MoleculeStore.open(Path(run.info["store"]))
    compared = compare_with_baselines({"model": run}, store, show_progress=False)
    assert list(compared.predictions) == ["model", "mean", "ridge", "forest"]
    assert (read_split(run) == "test").sum() >= len(compared.names) > 15
    assert [metric.name for metric in compared.metrics] == ["rmse", "roc_auc"]
    low, high = compared.interval(0)
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


def test_censored_labels_cost_nothing_where_their_bound_holds(recipe: Recipe, tmp_path: Path) -> None:
    table = pl.read_csv(recipe.data.config.path)
    values = table["log_p"].to_numpy()
    limit = float(np.nanquantile(values, 0.6))
    texts = [f">{limit:.3f}" if value > limit else f"{value:.3f}" for value in values]
    table.select("smiles", log_p=pl.Series(texts)).write_csv(tmp_path / "censored.csv")
    config = replace(recipe.data.config, path=str(tmp_path / "censored.csv"))
    run = fit(replace(recipe, data=replace(recipe.data, config=config)), runs=tmp_path, show_progress=False)
    test = pl.read_parquet(run.path("predictions_test.parquet"))
    mean, true, bound = (test[name].to_numpy() for name in ("log_p", "log_p_measured", "log_p_bound"))
    error = np.where(bound > 0, np.minimum(mean - true, 0), mean - true)
    assert run.scores()["test"]["graph"]["log_p"]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    counts = run.info["censored"]["log_p"]
    assert sum(counts.values()) == sum(text.startswith(">") for text in texts)
    assert counts["test"] == (bound != 0).sum() > 3
    valid = pl.read_parquet(run.path("predictions_valid.parquet"))
    assert run.read_json("uncertainty.json")["log_p"]["count"] == (valid["log_p_bound"] == 0).sum()
    assert "labels are censored" in FittedRun(run).summary()
    store = MoleculeStore.open(Path(run.info["store"]))
    compared = compare_with_baselines({"model": run}, store, show_progress=False)
    assert compared.scores["model"][0].value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert "labels are censored" in compared.caveats[0]
    for section in compared.coverage_section(0, "model"):
        assert section.count == (bound == 0).sum()
        assert "censored ones are left out" in section.note
    shown = plot_sections(MoleculePool(), compared, "model")
    assert ("censored", str(counts["test"])) in [(score.label, score.value) for score in shown["parity"][0].scores]
    worst = shown["galleries"][0].cards[0]
    assert max(np.abs(error)) == pytest.approx(abs(worst.predicted.value - worst.measured), rel=1e-5)
    assert [label.censored for label in Molecules().describe(store).section.labels] == [sum(counts.values())]


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
