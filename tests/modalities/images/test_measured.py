"""What image runs are worth: mean losses, and predicted classes of fields and wells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.evaluate.calibration import set_coverage
from hooke.evaluate.conformal import SetCalibration, calibrate_set
from hooke.images.store import ImageStore
from hooke.inference.ensemble import Ensemble
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict_in_memory
from hooke.train.fit import fit
from hooke.train.measure import group_truth

SMALL = ["train.threads=1", "train.accelerator=cpu", "train.epochs=1"]


@pytest.mark.parametrize("crop", [0, 16])
def test_classes(screen: ImageStore, tmp_path: Path, crop: int) -> None:
    run = fit(
        load_recipe("tiny_wsl", [*SMALL, f"images.crop={crop}"]), runs=tmp_path, store=screen, show_progress=False
    )
    metrics = run.read_json("metrics.json")["test"]
    table = pl.read_parquet(run.path("predictions_test.parquet"))
    probabilities = table.select(f"perturbation[{number}]" for number in range(run.info["classes"])).to_numpy()
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    right = (probabilities.argmax(1) == table["perturbation_measured"].to_numpy()).mean()
    assert metrics["well"]["perturbation"]["accuracy"] == pytest.approx(right)
    assert 0 <= metrics["field"]["perturbation"]["accuracy"] <= 1
    wells = screen.metadata[table["row"].to_numpy()].select("experiment", "plate", "well")
    assert wells.equals(table.select("experiment", "plate", "well"))
    assert wells.n_unique() == len(table) <= run.info["rows"]["test"]
    assert run.read_json("uncertainty.json")["perturbation"]["kind"] == "set"


def test_all_members_of_an_ensemble_are_used(screen: ImageStore, tmp_path: Path) -> None:
    run = fit(load_recipe("tiny_wsl", [*SMALL, "train.ensemble=2"]), runs=tmp_path, store=screen, show_progress=False)
    table = pl.read_parquet(run.path("predictions_test.parquet"))
    assert (table["perturbation[0]_disagreement"] > 0).all()


def test_reconstruction(image_run: Path) -> None:
    from hooke.core.runs import RunFolder

    run = RunFolder(image_run)
    metrics = run.read_json("metrics.json")
    assert set(metrics) == {"valid", "test"}
    assert set(metrics["test"]["field"]) == {"masked_image"}
    assert metrics["test"]["field"]["masked_image"]["mse"] > 0
    assert not run.path("predictions_test.parquet").exists()


def test_the_truth_of_a_well() -> None:
    """The class of its first field, and the mean of what was measured on its fields."""
    labels = (Label("gene", "field", "multiclass", classes=4), Label("area", "field"))
    truth = np.array([[3, 1.0], [3, 2.0], [1, np.nan], [1, 5.0], [2, np.nan]], np.float32)
    found = group_truth(truth, np.array([0, 0, 1, 1, 7]), labels)
    np.testing.assert_array_equal(found, [[3, 1.5], [1, 5.0], [2, np.nan]])


def test_sets_of_classes_hold_the_truth_as_often_as_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One network; the wells that it was not trained on are split anew into calibration and test halves."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    screen = ["data.experiments=12", "data.guides=2", "data.lone_genes=0", "data.inactive_genes=0", "data.controls=1"]
    learnt = ["task.target=gene", "data.split.fractions=[0.2,0.8,0.0]"]
    run = fit(load_recipe("tiny_wsl", [*SMALL, *screen, *learnt]), runs=tmp_path, workers=0, show_progress=False)
    table = pl.read_parquet(run.path("predictions_valid.parquet"))
    probabilities = table.select(f"gene[{number}]" for number in range(run.info["classes"])).to_numpy()
    true, half = table["gene_measured"].to_numpy(), len(table) // 2
    assert half > 30
    reached = []
    for seed in range(400):
        order = np.random.default_rng(seed).permutation(len(true))
        fitted = calibrate_set(probabilities[order[:half]], true[order[:half]], level=0.9)
        reached.append(set_coverage(fitted.contains(probabilities[order[half:]]), true[order[half:]]).reached.value)
    assert 0.9 - 0.02 <= np.mean(reached) <= 0.9 + 1 / (half + 1) + 0.02


def test_wells_of_an_ensemble_are_predicted_by_name(screen: ImageStore, tmp_path: Path) -> None:
    """All members: their mean and spread; classes by name, and sets by the run's own calibration."""
    recipe = load_recipe("tiny_wsl", [*SMALL, "train.ensemble=2", "data.split.fractions=[0.4,0.3,0.3]"])
    run = LoadedRun.open(fit(recipe, runs=tmp_path, store=screen, show_progress=False).folder, "cpu")
    [label] = run.labels
    found = predict_in_memory(run, screen)
    wells = screen.metadata.select("experiment", "plate", "well").unique(maintain_order=True)
    assert found.select("experiment", "plate", "well").equals(wells)
    columns = [f"perturbation[{name}]" for name in label.names]
    assert set(columns) <= set(found.columns)
    members = []
    for network in run.ensemble.networks:
        alone = replace(run, predictor=Ensemble([network], run.ensemble.task))
        table = predict_in_memory(alone, screen)
        members.append(table.select(columns).to_numpy())
        assert table["perturbation[EMPTY]_disagreement"].null_count() == len(table)
    mean = found.select(columns).to_numpy()
    np.testing.assert_allclose(mean, np.mean(members, axis=0), rtol=1e-5)
    spread = found.select(f"{name}_disagreement" for name in columns).to_numpy()
    np.testing.assert_allclose(spread, np.std(members, axis=0, ddof=1), rtol=1e-3, atol=1e-6)
    assert found["perturbation"].to_list() == [label.names[number] for number in mean.argmax(axis=1)]
    calibration = run.calibration["perturbation"]
    assert isinstance(calibration, SetCalibration)
    for row, text in zip(mean.astype(np.float64), found["perturbation_set"], strict=True):
        sure = {name for name, value in zip(label.names, row, strict=True) if value > calibration.threshold + 1e-6}
        possible = {name for name, value in zip(label.names, row, strict=True) if value > calibration.threshold - 1e-6}
        assert sure <= set(filter(None, text.split("|"))) <= possible
