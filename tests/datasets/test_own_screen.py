"""A user's own screen: genes from a table of cells, compounds with structures from a second table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET
from hooke.datasets.own_screen import Config, Dataset


def test_compounds_with_doses_and_structures(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        (name, dose)
        for name, dose in (("dmso", 1.0), ("aspirin", 1.0), ("aspirin", 10.0), ("lost", 1.0))
        for _ in range(8)
    ]
    table = pl.DataFrame(rows, schema=["compound", "dose"], orient="row")
    screen = tmp_path / "wells.parquet"
    Profiles(generator.normal(size=(len(rows), 3)).astype(np.float32), table, ("p", "q", "r")).write(screen)
    (tmp_path / "structures.csv").write_text("compound,smiles\naspirin,CC(=O)Oc1ccccc1C(=O)O\n")
    config = Config(
        str(screen), scale="z-score", perturbation="compound", compounds=True, smiles=str(tmp_path / "structures.csv"), dose="dose", unit="uM"
    )  # fmt: skip
    store = Dataset(config).prepare(tmp_path / "stores", QUIET)
    assert [each.name for each in store.conditions.perturbations] == ["aspirin @ 1 uM", "aspirin @ 10 uM"]
    assert store.smiles == ["CC(=O)Oc1ccccc1C(=O)O"] * 2
    assert store.refused == 1
    (tmp_path / "structures.csv").write_text("name,smiles\naspirin,C\n")
    with pytest.raises(DataError, match="no columns compound and smiles"):
        Dataset(config).prepare(tmp_path / "stores", QUIET)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    for config, text in ((Config(), "data.path is missing"), (Config("x.h5ad", compounds=True), "needs data.smiles")):
        with pytest.raises(UsageError, match=text):
            Dataset(config).check()
    with pytest.raises(DataError, match="there is no file"):
        Dataset(Config(str(tmp_path / "x.h5ad"))).check()
