"""Studies from Python do what `hooke search` and `hooke scale` do."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.molecules.tables.twins import write_twin_table

SMALL = (
    "model.width=8",
    "model.depth=1",
    "train.epochs=1",
    "train.ensemble=1",
    "train.threads=1",
    "data.targets=['log_p']",
)


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    return ("data.name=csv", f"data.path={write_twin_table(tmp_path / 't.csv', seed=0, rows=40)}", *SMALL)


def test_search_and_replay(tmp_path: Path, options: tuple[str, ...]) -> None:
    space = tmp_path / "space.toml"
    space.write_text('["train.learning_rate"]\nchoices = [1e-3, 1e-2]\n')
    found = hooke.run_search("csv", space, overrides=options, sampler="random", trials=2, runs=tmp_path)
    assert found.to_json()["done"] == 2
    compared = hooke.compare_optimisers(
        "csv", space, tmp_path / "table.parquet", overrides=options, optimisers=("random", "tpe"), trials=3, repeats=2,
        runs=tmp_path,
    )  # fmt: skip
    assert compared["points"] == 2


def test_scaling(tmp_path: Path, options: tuple[str, ...]) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text('[width]\n"model.width" = [4, 8]\n')
    result = hooke.run_scaling("csv", grid, overrides=options, seeds=1, runs=tmp_path, show_progress=False)
    assert len(result.trials) == 2
    assert result.frame().height == 2
