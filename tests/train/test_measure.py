"""Measuring a run: exact and streamed metrics agree; decisions and calibration from prediction columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.inference.ensemble import Prediction
from hooke.modalities import molecules
from hooke.train import measure as module
from hooke.train.fit import fit
from hooke.train.measure import calibrate, decided, errors_on_test

LABELS = [Label("y"), Label("c", kind="multiclass", classes=3)]


def test_decided_takes_the_most_probable_class() -> None:
    found = decided(np.array([[1.5, 0.2, 0.7, 0.1], [2.0, 0.5, 0.3, 0.2]]), LABELS)
    assert found.tolist() == [[1.5, 1.0], [2.0, 0.0]]
    assert decided(np.zeros((2, 0)), []).shape == (2, 0)


def test_calibration_gives_intervals_and_sets() -> None:
    generator = np.random.default_rng(0)
    mean = np.column_stack([generator.normal(size=50), generator.dirichlet(np.ones(3), 50)])
    truth = np.column_stack([mean[:, 0] + generator.normal(size=50), mean[:, 1:].argmax(axis=1)])
    found = calibrate(Prediction(mean, np.ones_like(mean)), truth, LABELS)
    assert {name: entry["kind"] for name, entry in found.items()} == {"y": "interval", "c": "set"}


def test_a_large_part_is_streamed_to_the_same_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe("tiny_pretrain", ["train.epochs=1", "model.width=8", "model.depth=2"])
    exact = fit(recipe, runs=tmp_path / "exact", show_progress=False)
    monkeypatch.setattr(module, "_EXACT_VALUES", 100)
    monkeypatch.setattr(molecules, "_EVALUATION_BATCH", 50)
    streamed = fit(recipe, runs=tmp_path / "streamed", show_progress=False)
    first, second = (run.read_json("metrics.json")["valid"] for run in (exact, streamed))
    assert first.keys() == second.keys() == {"graph", "node", "edge"}
    for level, labels in second.items():
        for label, metrics in labels.items():
            assert "spearman" not in metrics
            for name, value in metrics.items():
                assert value == pytest.approx(first[level][label][name], rel=1e-4), (level, label, name)
    tables = [pl.read_parquet(run.path("predictions_valid.parquet")) for run in (exact, streamed)]
    assert tables[0]["row"].to_list() == tables[1]["row"].to_list()
    assert streamed.read_json("uncertainty.json").keys() == exact.read_json("uncertainty.json").keys()


@pytest.mark.parametrize("recipe", ["tiny_gine", "tiny_wsl"])
def test_errors_of_the_test_part(recipe: str, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "x", load_recipe(recipe).to_json(), "hash")
    level = {"tiny_gine": "graph", "tiny_wsl": "well"}[recipe]
    scores = {
        "y": {"rmse": 0.5, "r2": 0.9},
        "c": {"roc_auc": 0.8, "accuracy": 0.1},
        "k": {"accuracy": 0.7},
        "n": {"rmse": float("nan")},
    }
    run.write_json("metrics.json", {"test": {"node": {"z": {"rmse": 9.0}}, level: scores}})
    assert errors_on_test(run) == pytest.approx({"y": 0.5, "c": 0.2, "k": 0.3})
    run.write_json("metrics.json", {})
    assert errors_on_test(run) == {}
