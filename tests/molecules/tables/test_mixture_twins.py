"""Twins of published tables: the same formats and columns, and labels of atoms for numbered atoms."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.cards import RemoteFile
from hooke.core.label import Label
from hooke.core.pt_files import read_integer_lists
from hooke.molecules.tables.mixture_twins import ROWS, write_twin_files
from hooke.molecules.tables.published import PublishedTable


@pytest.mark.parametrize("test", ["test", "test_seen"])
def test_a_table_and_its_split(tmp_path: Path, test: str) -> None:
    columns = (
        ("y", Label("y", kind="binary")),
        ("g-*", Label("g", kind="ordinal", classes=5)),
        ("n_*", Label("n", "node")),
    )
    table = PublishedTable(RemoteFile("t.parquet"), RemoteFile("s.pt"), "s", columns, test=test)
    path, split = write_twin_files(table, tmp_path, seed=1)
    frame = pl.read_parquet(path)
    assert frame.columns == ["s", "y", *(f"g-{number}" for number in range(4)), *(f"n_{number}" for number in range(4))]
    assert len(frame) == ROWS
    assert set(frame["y"].drop_nulls()) == {0.0, 1.0}
    assert set(frame["g-0"].drop_nulls()) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert frame["n_0"].dtype == pl.List(pl.Float64)
    assert all(":1]" in smiles for smiles in frame["s"])
    parts = read_integer_lists(split)
    assert sorted(row for rows in parts.values() for row in rows) == list(range(ROWS))
    assert ("test_seen" in parts) == (test == "test_seen")
    assert write_twin_files(table, tmp_path / "again", seed=1)[0].read_bytes() == path.read_bytes()
