"""docs/cells.md: its commands and its Python run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("anndata")

from tests.cli.conftest import run_page

from hooke.cells.simulated_response import SimulationConfig, simulate
from hooke.evaluate.metric_range import BLIND, CONTROL, DUPLICATE, INTERPOLATED, MEAN

PAGE = (Path(__file__).parents[2] / "docs" / "cells.md").read_text(encoding="utf-8")


def test_the_page(hooke) -> None:  # type: ignore[no-untyped-def]
    simulated = simulate(SimulationConfig(modules=5, genes_a_module=4, readouts=100, cells=40, controls=120, pairs=12))
    for name in ("screen.h5ad", "predicted.h5ad"):
        simulated.profiles.write(Path(name))
    Path("edges.csv").write_text(simulated.edges.write_csv())
    Path("genes.txt").write_text("T900\n")
    Path("asked.csv").write_text("perturbation,context\nT000,strong\nT900,strong\nT001+T002,strong\n")
    Path("sets.gmt").write_text("first\t\t" + "\t".join(simulated.profiles.features[:30]) + "\n")
    outcomes = run_page(hooke, PAGE)
    assert "strong: evaluable" in outcomes[0].out
    assert Path("perturbations.csv").exists()
    assert "graph_kernel_ridge" in outcomes[1].out
    assert "unseen perturbation" in outcomes[2].out
    assert "3 perturbations: " in outcomes[3].out
    assert "T001 in strong" in outcomes[4].out
    assert "mine: " in outcomes[5].out
    for name in ("scores.csv", "why.html", "responses.h5ad", "responses.parquet", "rows.csv"):
        assert Path(name).exists()
    assert all(f"| {name} |" in PAGE for name in (DUPLICATE, INTERPOLATED, MEAN, CONTROL))
    assert f"DRF below {BLIND}" in PAGE
