from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hooke.cells.annotated import read_h5ad, write_h5ad
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UsageError


def some() -> Profiles:
    metadata = pl.DataFrame({"gene": ["A", None], "site": [1, 2], "cell_count": [3.5, 4.0]})
    return Profiles(np.eye(2), metadata, ("first", "second"))


def test_round_trip(tmp_path: Path) -> None:
    pytest.importorskip("anndata", reason="the optional package anndata is missing")
    path = some().write(tmp_path / "new" / "map.h5ad")
    again = Profiles.read(path)
    assert np.array_equal(again.values, np.eye(2))
    assert again.features == ("first", "second")
    assert again.column("gene").tolist() == ["A", ""]
    assert again.column("site").tolist() == [1, 2]
    assert again.column("cell_count").tolist() == [3.5, 4.0]


def test_damage_is_noticed_and_others_may_change_the_file(tmp_path: Path) -> None:
    pytest.importorskip("anndata", reason="the optional package anndata is missing")
    import h5py

    path = some().write(tmp_path / "map.h5ad")
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        in_the_digest = place >= len(whole) - 80  # its mark is gone then, as in files of earlier versions
        with pytest.raises(DataError) if not in_the_digest else suppress(DataError):
            read_h5ad(path)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file["X"][0, 0] = 7.0
    assert read_h5ad(path).values[0, 0] == 7


def test_a_sparse_file_without_metadata_and_a_damaged_one(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata", reason="the optional package anndata is missing")
    from scipy.sparse import csr_matrix

    anndata.AnnData(csr_matrix(np.eye(3, dtype=np.float32))).write_h5ad(tmp_path / "sparse.h5ad")
    found = read_h5ad(tmp_path / "sparse.h5ad")
    assert np.array_equal(found.values, np.eye(3))
    assert found.column("item").tolist() == ["0", "1", "2"]
    (tmp_path / "bad.h5ad").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_h5ad(tmp_path / "bad.h5ad")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(UsageError, match=r"hooke-bio\[cells\]"):
        write_h5ad(some(), tmp_path / "map.h5ad")


def test_nullable_columns_and_an_embedding_beside_an_empty_x(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    obs = pandas.DataFrame(
        {
            "n": pandas.array([1, None], "Int64"),
            "flag": pandas.array([True, None], "boolean"),
            "gene": pandas.Categorical(["A", None]),
        },
        index=["a", "b"],
    )
    table = anndata.AnnData(X=np.ones((2, 1), np.float32), obs=obs)
    table.write_h5ad(tmp_path / "a.h5ad")
    found = read_h5ad(tmp_path / "a.h5ad")
    assert found.metadata.to_dict(as_series=False) == {"n": [1, None], "flag": [True, None], "gene": ["A", None]}
    found.write(tmp_path / "a.parquet")
    values = np.arange(4, dtype=np.float32).reshape(2, 2)
    anndata.AnnData(obs=obs, obsm={"X_emb": values}).write_h5ad(tmp_path / "b.h5ad")
    assert np.array_equal(read_h5ad(tmp_path / "b.h5ad").values, values)
    anndata.AnnData(obs=obs, obsm={"X_emb": values, "X_pca": values}).write_h5ad(tmp_path / "c.h5ad")
    with pytest.raises(DataError, match="X is empty; obsm has X_emb, X_pca"):
        read_h5ad(tmp_path / "c.h5ad")
