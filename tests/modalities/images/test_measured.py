"""What image runs are worth: mean losses, and predicted classes of fields and wells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.images.store import ImageStore
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
    assert (table["perturbation[0]_std"] > 0).all()


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
