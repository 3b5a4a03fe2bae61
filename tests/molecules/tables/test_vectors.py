"""Vectors of another encoder become labels of the molecules that have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.molecules.tables.description import Table
from hooke.molecules.tables.ingest import IngestOptions, ingest_notes, prepare_tables
from hooke.molecules.tables.staging import canonical_keys
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
    said = "vectors 2 of 3 molecules have a vector in teacher.parquet, 1 do not and learn nothing of it; 1 of its vectors are of other molecules"
    assert ingest_notes(store) == (said,)
    without = prepare_tables([table], tmp_path / "s", "t", QUIET, IngestOptions(descriptors=True))
    assert without.folder != store.folder
    assert [label.name for label in without.labels] == names[:-2]


def test_components_are_those_of_the_molecules_at_hand(tmp_path: Path) -> None:
    smiles = ["C" * (length + 1) for length in range(40)]
    values = np.random.default_rng(0).normal(size=(40, 5)) * [1, 4, 9, 0.1, 2] + 3
    path = tmp_path / "teacher.parquet"
    column = pl.Series("embedding", values.tolist(), dtype=pl.Array(pl.Float32, 5))
    pl.DataFrame({"smiles": smiles}).with_columns(column).write_parquet(path)
    (tmp_path / "t.csv").write_text("smiles\n" + "\n".join(smiles[:30]) + "\nO\n")
    table = Table((), "smiles", name="a", by_columns=True, paths=(tmp_path / "t.csv",))
    options = IngestOptions(vectors=path, components=3, vectors_weight=2.0)
    store = prepare_tables([table], tmp_path / "s", "t", QUIET, options)
    assert [label.name for label in store.labels] == ["teacher/pc000", "teacher/pc001", "teacher/pc002"]
    found = store.graph_labels()[0]
    assert np.isnan(found[30]).all()
    centred = values[:30] - values[:30].mean(0)
    spectrum, axes = np.linalg.eigh(np.cov(centred.T))
    expected = centred @ axes[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(found[:30]), np.abs(expected), atol=1e-4)
    assert (np.sign(found[:30] * expected).sum(0) ** 2 == 900).all()  # an axis has one sign
    spreads = np.sqrt(spectrum[::-1][:3])
    np.testing.assert_allclose([label.weight for label in store.labels], 2 * spreads / spreads.mean(), atol=1e-4)
    explained = spectrum[::-1][:3].sum() / spectrum.sum()
    assert f"the components hold {explained:.1%} of the variance" in ingest_notes(store)[0]
    whole = prepare_tables([table], tmp_path / "s", "t", QUIET, IngestOptions(vectors=path))
    assert whole.folder != store.folder
    with pytest.raises(UsageError, match="6 components of vectors of 5 numbers"):
        VectorTable.read(path, 6)
    with pytest.raises(DataError, match="vectors of 3 of the 3 molecules, too few for 3 components"):
        VectorTable.read(path, 3).met(canonical_keys(smiles[:3]))
    with pytest.raises(DataError, match="vectors of 0 of the 1 molecules"):
        VectorTable.read(path).met(canonical_keys(["O"]))


def test_equal_vectors_have_no_components(tmp_path: Path) -> None:
    column = pl.Series("embedding", [[1.0, 2.0]] * 3, dtype=pl.Array(pl.Float32, 2))
    pl.DataFrame({"smiles": ["C", "CC", "CCC"]}).with_columns(column).write_parquet(tmp_path / "same.parquet")
    with pytest.raises(DataError, match="are the same"):
        VectorTable.read(tmp_path / "same.parquet", 1).met(canonical_keys(["C", "CC", "CCC"]))


def test_other_files_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"smiles": ["C"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"smiles": ["C"], "embedding": [None]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match="as `hooke embed` writes them"):
        VectorTable.read(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="holds no vector"):
        VectorTable.read(tmp_path / "b.parquet")
