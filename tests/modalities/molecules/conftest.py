"""A small prepared table and a small recipe, for tests of molecules in training."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.recipe import Recipe, resolve
from hooke.molecules.store import MoleculeStore
from hooke.train.fit import prepare


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    from hooke.molecules.tables.twins import write_twin_table

    return write_twin_table(tmp_path / "assay.csv", seed=0, rows=80)


@pytest.fixture
def recipe(table: Path) -> Recipe:
    return resolve(
        {
            "name": "small",
            "data": {"name": "csv", "path": str(table)},
            "encodings": {"laplacian": 2, "random_walk": 3},
            "model": {"name": "gine", "preset": "tiny", "width": 16, "depth": 2, "dropout": 0.1},
            "train": {"epochs": 4, "batch_size": 16, "learning_rate": 3e-3, "threads": 1, "accelerator": "cpu"},
        }
    )


@pytest.fixture
def store(recipe: Recipe) -> MoleculeStore:
    return prepare(recipe, workers=1, show_progress=False)
