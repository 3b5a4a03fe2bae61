"""Responses of cells from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

import hooke
from hooke.cells.simulated_response import SimulationConfig, simulate
from hooke.core.errors import DataError, UsageError


def test_check_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    values, obs = made_cells()
    path = write_cells(tmp_path / "cells.h5ad", values, obs, log1p=False)
    with pytest.raises(UsageError, match="declare counts, log1p or z-score"):
        hooke.check_screen(path)
    check = hooke.check_screen(path, scale="log1p", batch="", control=["control"], show_progress=False)
    assert check.said["batch"] == "none"
    assert "evaluable" in check.context("a").verdict
    with pytest.raises(DataError, match="has no control cell"):
        hooke.check_screen(path, scale="log1p", control=["NT"], show_progress=False)


def test_evaluate_responses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    values, obs = made_cells(effect=1.5)
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    found = hooke.evaluate_responses(path, path, draws=2, show_progress=False)
    assert set(found.predictions) == {"cells"}
    assert found.context("a").ranking("mse")[0] == "cells"
    with pytest.raises(UsageError, match="also an input"):
        hooke.evaluate_responses({"m": tmp_path / "p.csv"}, path, tmp_path / "p.csv")


def test_fit_and_predict_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    simulated = simulate(SimulationConfig(modules=5, genes_a_module=4, readouts=100, cells=40, controls=120, pairs=12))
    simulated.profiles.write(tmp_path / "screen.h5ad")
    run = hooke.fit_response(tmp_path / "screen.h5ad", tmp_path / "runs", scale="log1p", graph="", show_progress=False)
    assert run.choices[0].is_baseline
    found = hooke.predict_response(run.folder, ["T000+T001"], context="strong")
    assert len(found.profiles) == 1
    with pytest.raises(UsageError, match="space"):
        hooke.predict_response(run.folder, ["T000"], space="deltas")
