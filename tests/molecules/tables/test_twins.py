"""Twin tables are real molecules, deterministic by seed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.cards import RemoteFile
from hooke.core.label import Label
from hooke.core.pt_files import read_integer_lists
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.twins import ROWS, twin_smiles, twin_value, write_twin_table, write_twins


def test_smiles_are_different_molecules_and_follow_the_seed() -> None:
    assert len(set(twin_smiles(100, seed=0))) == 100
    assert twin_smiles(20, seed=3) == twin_smiles(20, seed=3) != twin_smiles(20, seed=4)
    with pytest.raises(ValueError, match="there are"):
        twin_smiles(10**6, seed=0)


def test_values_follow_the_kind_and_tables_repeat(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    assert twin_value("CCO", Label("x", kind="binary"), generator) in (0.0, 1.0)
    assert twin_value("c1ccccc1", Label("x", kind="multiclass", classes=3), generator) in (0.0, 1.0, 2.0)
    first = write_twin_table(tmp_path / "a.csv", seed=1, rows=20).read_text()
    assert write_twin_table(tmp_path / "b.csv", seed=1, rows=20).read_text() == first
    assert first.splitlines()[0] == "smiles,log_p,lipophilic"


def test_every_file_has_its_twin(tmp_path: Path) -> None:
    files = (RemoteFile("a.csv.gz"), RemoteFile("in/b.csv"))
    table = Table((("y", Label("y", kind="binary")),), "s", files, ("train", "test"))
    first, second = write_twins(table, tmp_path, seed=0).paths
    lines = gzip.decompress(first.read_bytes()).decode().splitlines() + second.read_text().splitlines()
    assert len(lines) == ROWS + 2
    assert lines[0] == "s,y"
    assert {line.split(",")[1] for line in lines if line != "s,y"} == {"0", "1"}
    assert first.read_bytes() == write_twins(table, tmp_path / "again", seed=0).paths[0].read_bytes()


def test_a_column_of_parts_and_names_with_commas(tmp_path: Path) -> None:
    table = Table((("y, in h", Label("y")),), "s", (RemoteFile("a.csv"),), split_column="split")
    [path] = write_twins(table, tmp_path, seed=0).paths
    frame = pl.read_csv(path)
    assert frame.columns == ["s", "y, in h", "split"]
    assert frame["split"].value_counts(sort=True).rows() == [("train", 48), ("test", 12)]


@pytest.mark.parametrize("test", ["test", "test_seen"])
def test_a_table_and_its_split(tmp_path: Path, test: str) -> None:
    columns = (
        ("y", Label("y", kind="binary")),
        ("g-*", Label("g", kind="ordinal", classes=5)),
        ("n_*", Label("n", "node")),
    )
    table = Table(columns, "s", (RemoteFile("t.parquet"),), split_file=RemoteFile("s.pt"), test=test, counts={"g-*": 7})
    twin = write_twins(table, tmp_path, seed=1)
    [path] = twin.paths
    frame = pl.read_parquet(path)
    assert frame.columns == ["s", "y", *(f"g-{number}" for number in range(4)), *(f"n_{number}" for number in range(4))]
    assert len(frame) == ROWS
    assert set(frame["y"].drop_nulls()) == {0.0, 1.0}
    assert set(frame["g-0"].drop_nulls()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert frame["n_0"].dtype == pl.List(pl.Float64)
    assert all(":1]" in smiles for smiles in frame["s"])
    assert twin.split_path is not None
    parts = read_integer_lists(twin.split_path)
    assert sorted(row for rows in parts.values() for row in rows) == list(range(ROWS))
    assert ("test_seen" in parts) == (test == "test_seen")
    assert write_twins(table, tmp_path / "again", seed=1).paths[0].read_bytes() == path.read_bytes()
    whole = write_twins(table, tmp_path / "whole", seed=1, every_column=True).paths[0]
    assert len(pl.read_parquet(whole).columns) == 1 + 1 + 7 + 1
