"""A small recipe whose run, report and benchmark take seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.recipe import Recipe, resolve
from hooke.molecules.tables.twins import write_twin_table


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    table = write_twin_table(tmp_path / "assay.csv", seed=0, rows=120)
    return resolve(
        {
            "name": "small",
            "data": {"name": "csv", "path": str(table), "split": {"fractions": [0.6, 0.2, 0.2]}},
            "model": {"name": "gine", "preset": "tiny", "width": 16, "depth": 2},
            "train": {"epochs": 3, "batch_size": 32, "threads": 1, "ensemble": 2, "accelerator": "cpu"},
        }
    )
