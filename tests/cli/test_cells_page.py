"""docs/cells.md: its commands and its Python run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells
from tests.cli.conftest import run_page

from hooke.evaluate.metric_range import BLIND, CONTROL, DUPLICATE, INTERPOLATED, MEAN

PAGE = (Path(__file__).parents[2] / "docs" / "cells.md").read_text(encoding="utf-8")


def test_the_page(hooke) -> None:  # type: ignore[no-untyped-def]
    values, obs = made_cells(effect=1.5)
    write_cells(Path("screen.h5ad"), values, obs)
    write_cells(Path("predicted.h5ad"), values, obs)
    outcomes = run_page(hooke, PAGE)
    assert "a: evaluable: 5 of 5" in outcomes[0].out
    assert Path("perturbations.csv").exists()
    assert "mine: " in outcomes[1].out
    assert Path("scores.csv").exists()
    assert all(f"| {name} |" in PAGE for name in (DUPLICATE, INTERPOLATED, MEAN, CONTROL))
    assert f"DRF below {BLIND}" in PAGE
