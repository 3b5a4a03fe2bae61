from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("h5py")
pytest.importorskip("anndata")

from tests.cells.conftest import made_cells, write_cells

from hooke.cells.expression import open_expression
from hooke.cells.perturbations import of_genes
from hooke.cells.screen import CONTROL, LEFT_OUT, Columns, Scale, Screen
from hooke.core.errors import DataError, UnknownNameError, UsageError


def screen_of(path: Path, columns: Columns | None = None, scale: Scale | None = None) -> Screen:
    with open_expression(path) as expression:
        return Screen.of(expression, columns or Columns(), scale=scale)


def test_columns_are_guessed_and_the_guess_is_said(tmp_path: Path) -> None:
    values, obs = made_cells()
    screen = screen_of(write_cells(tmp_path / "cells.h5ad", values, obs))
    assert screen.said["perturbation"] == "column perturbation (guessed)"
    assert screen.said["batch"] == "column batch (guessed)"
    assert screen.contexts == ("a", "b")
    assert screen.batches == ("a / 1", "a / 2", "b / 1", "b / 2")
    assert [each.name for each in screen.perturbations] == ["P0", "P0+P1", "P1", "P2", "P3"]
    assert screen.used == len(screen) == len(values)
    assert screen.left_out == {}
    names = np.array(obs["perturbation"])
    assert ((screen.perturbation == CONTROL) == (names == "control")).all()
    explicit = screen_of(tmp_path / "cells.h5ad", Columns("perturbation", "cell_type", ""))
    assert explicit.batches == ("a", "b")
    assert explicit.said["batch"] == "none"
    with pytest.raises(UnknownNameError, match="batch column"):
        screen_of(tmp_path / "cells.h5ad", Columns(batch="plate"))


def test_orders_of_genes_are_one_perturbation_and_texts_are_kept(tmp_path: Path) -> None:
    values, obs = made_cells()
    obs["perturbation"] = [
        ["P1+P0", "ctrl+P0+P1", name][row % 3] if name == "P0+P1" else name
        for row, name in enumerate(obs["perturbation"])
    ]
    screen = screen_of(write_cells(tmp_path / "cells.h5ad", values, obs))
    place = screen.perturbations.index(of_genes("P0", "P1"))
    assert (screen.perturbation == place).sum() == 120
    assert screen.originals["P0+P1"] == ("P0+P1", "P1+P0", "ctrl+P0+P1")


def test_no_scale_is_guessed(tmp_path: Path) -> None:
    values, obs = made_cells(cells=2, controls=4)
    path = write_cells(tmp_path / "cells.h5ad", values, obs, log1p=False)
    with pytest.raises(UsageError, match="declare counts, log1p or z-score"):
        screen_of(path)
    assert screen_of(path, scale=Scale("log1p", 1e4)).scale.target_sum == 1e4
    with pytest.raises(UnknownNameError):
        Scale("logs")
    with pytest.raises(UsageError, match="target sum"):
        Scale("counts", 1e4)


def test_every_cell_is_used_or_listed_with_its_reason(tmp_path: Path) -> None:
    values, obs = made_cells()
    for row in range(0, 30, 3):
        obs["perturbation"][row] = "1-Mar"
    obs["cell_type"][1] = ""
    for row, name in enumerate(obs["perturbation"]):
        if name == "control" and (obs["cell_type"][row], obs["batch"][row]) == ("a", "2"):
            obs["perturbation"][row] = "P2"
    screen = screen_of(write_cells(tmp_path / "cells.h5ad", values, obs))
    assert screen.used + sum(screen.left_out.values()) == len(values)
    assert {reason.split(";")[0].split(" in ")[0] for reason in screen.left_out} >= {
        "no control",
        "no context is stated",
    }
    assert any("turned into a date" in reason for reason in screen.left_out)
    assert screen.uncontrolled == ("a / 2",)
    left = screen.perturbation == LEFT_OUT
    assert left.sum() == sum(screen.left_out.values())


def test_batches_of_few_controls_are_left_out_and_named(tmp_path: Path) -> None:
    values, obs = made_cells(controls=3)
    with pytest.raises(DataError, match="no perturbed cell beside controls"):
        screen_of(write_cells(tmp_path / "cells.h5ad", values, obs))
    values, obs = made_cells(controls=0)
    with pytest.raises(DataError, match="has no control cell"):
        screen_of(write_cells(tmp_path / "cells.h5ad", values, obs))
    obs["perturbation"] = ["egfp" if name == "P3" else name for name in obs["perturbation"]]
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    assert (screen_of(path, Columns(control=("eGFP",))).perturbation == CONTROL).sum() == 120


def test_genes_that_are_no_genes_are_listed(tmp_path: Path) -> None:
    values, obs = made_cells(cells=2, controls=4)
    names = [f"G{number}" for number in range(values.shape[1])]
    names[3], names[5], names[7] = "G2", "2-Sep", " "
    screen = screen_of(write_cells(tmp_path / "cells.h5ad", values, obs, genes=names))
    assert len(screen.genes) + len(screen.genes_left_out) == values.shape[1]
    assert [reason.split(" ")[0] for reason in screen.genes_left_out.values()] == ["the", "'2-Sep'", "a"]
    assert screen.gene_columns.tolist() == [column for column in range(values.shape[1]) if column not in (3, 5, 7)]


def test_compounds_have_doses_in_units(tmp_path: Path) -> None:
    values, obs = made_cells(perturbations=2)
    generator = np.random.default_rng(0)
    obs = {
        "drug": ["DMSO" if name == "control" else name for name in obs["perturbation"]],
        "cell_type": obs["cell_type"],
        "dose": [
            0.0 if name == "control" else float(generator.choice([100.0, 1000.0])) for name in obs["perturbation"]
        ],
        "time": [24.0] * len(values),
    }
    path = write_cells(tmp_path / "cells.h5ad", values, obs)
    screen = screen_of(path, Columns(dose="dose", unit="nM", hours="time"))
    assert [each.name for each in screen.perturbations][:2] == ["P0 @ 0.1 uM, 24 h", "P0 @ 1 uM, 24 h"]
    assert screen.said["kind"] == "compounds (guessed)"
    with pytest.raises(DataError, match="no perturbed cell"):
        screen_of(path, Columns(dose="dose", hours="time"))  # no unit
    obs["dose"][next(row for row, name in enumerate(obs["drug"]) if name == "P0")] = -1.0
    screen = screen_of(write_cells(path, values, obs), Columns(dose="dose", unit="nM"))
    assert sum(count for reason, count in screen.left_out.items() if "above zero" in reason) == 1


def test_targets_are_places_of_measured_genes(tmp_path: Path) -> None:
    values, obs = made_cells()
    names = [f"G{number}" for number in range(values.shape[1])]
    names[4], names[9] = "P1", "P0"
    screen = screen_of(write_cells(tmp_path / "cells.h5ad", values, obs, genes=names))
    found = dict(zip([each.name for each in screen.perturbations], screen.targets(), strict=True))
    assert {name: places.tolist() for name, places in found.items()} == {
        "P0": [9],
        "P0+P1": [4, 9],
        "P1": [4],
        "P2": [],
        "P3": [],
    }
