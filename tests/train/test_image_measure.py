"""What image runs are worth: mean losses, and predicted classes of fields and wells."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.recipe import load_recipe
from hooke.images.store import ImageStore
from hooke.train.fit import fit

SMALL = ["train.threads=1", "train.accelerator=cpu", "train.epochs=1"]


@pytest.mark.parametrize("crop", [0, 16])
def test_classes(screen: ImageStore, tmp_path: Path, crop: int) -> None:
    run = fit(
        load_recipe("tiny_wsl", [*SMALL, f"images.crop={crop}"]), runs=tmp_path, store=screen, show_progress=False
    )
    found = run.read_json("metrics.json")["test"]["image"]["perturbation"]
    assert found["chance"] == pytest.approx(1 / run.info["classes"])
    table = pl.read_parquet(run.path("predictions_test.parquet"))
    assert len(table) == run.info["rows"]["test"]
    right = (table["predicted"] == table["measured"]).mean()
    assert found["field_accuracy"] == pytest.approx(right)
    assert 0 <= found["well_accuracy"] <= 1
    assert {"loss", "cross_entropy", "accuracy"} <= set(found)


def test_reconstruction(image_run: Path) -> None:
    from hooke.core.runs import RunFolder

    run = RunFolder(image_run)
    metrics = run.read_json("metrics.json")
    assert set(metrics) == {"valid", "test"}
    assert set(metrics["test"]["image"]) == {"masked_image"}
    assert metrics["test"]["image"]["masked_image"]["mse"] > 0
    assert not run.path("predictions_test.parquet").exists()
