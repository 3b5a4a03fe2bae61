"""Vectors of another encoder become labels of the molecules that have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import IngestOptions, prepare_tables
from hooke.molecules.tables.vectors import VectorTable

VALUES = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    path = tmp_path / "teacher.parquet"
    table = {"row": [1, 2, 3, 4, 5], "smiles": ["OCC", "[CH3:1]N", "F/C=C/F", "C", "nonsense"]}
    lists = [*VALUES.tolist(), None, [0.0, 0.0]]
    column = pl.Series("embedding", lists, dtype=pl.Array(pl.Float32, 2))
    pl.DataFrame(table).with_columns(column).write_parquet(path)
    return path


def test_vectors_are_found_by_the_molecule(vectors: Path) -> None:
    table = VectorTable.read(vectors)
    assert table.labels == [Label("teacher/000", source="teacher"), Label("teacher/001", source="teacher")]
    values, bounds = table.of(["CN", "CCC", "CCO", "F/C=C\\F", "F/C=C/F"]).dense(2)
    np.testing.assert_array_equal(values, [VALUES[1], [np.nan] * 2, VALUES[0], [np.nan] * 2, VALUES[2]])
    assert not bounds.any()


def test_a_store_carries_them_after_its_other_labels(vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("smiles,y\nCCO,1\nCCC,2\nCN,\n")
    table = Table((("y", Label("y")),), "smiles", name="a", by_columns=True, paths=(tmp_path / "t.csv",))
    store = prepare_tables([table], tmp_path / "s", "t", QUIET, IngestOptions(descriptors=True, vectors=vectors))
    names = [label.name for label in store.labels]
    assert names[0] == "a/y"
    assert names[-2:] == ["teacher/000", "teacher/001"]
    values = store.graph_labels(names=["a/y", "teacher/000", "teacher/001"])[0]
    np.testing.assert_array_equal(values, [[1, 0, 1], [2, np.nan, np.nan], [np.nan, 2, 3]])
    without = prepare_tables([table], tmp_path / "s", "t", QUIET, IngestOptions(descriptors=True))
    assert without.folder != store.folder
    assert [label.name for label in without.labels] == names[:-2]


def test_other_files_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"smiles": ["C"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"smiles": ["C"], "embedding": [None]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="as `hooke embed` writes them"):
        VectorTable.read(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds no vector"):
        VectorTable.read(tmp_path / "b.parquet")
