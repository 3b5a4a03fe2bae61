"""A quiet machine with a cache of its own, and a small table."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.molecules.tables.twins import write_twin_table


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_twin_table(tmp_path / "t.csv", seed=0, rows=60)
