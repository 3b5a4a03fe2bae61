"""Wells in memory: read alike whatever holds them, and given back as what they were."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hooke.cells.annotated import from_anndata, to_anndata
from hooke.cells.in_memory import Given
from hooke.cells.profiles import Profiles
from hooke.core.errors import DataError, UnknownNameError, UsageError


@pytest.fixture
def profiles() -> Profiles:
    metadata = pl.DataFrame(
        {"plate": ["007"] * 4, "well": ["A01", "A02", "B01", "B02"], "control": ["negative", "", "", "positive"],
         "concentration_um": [None, 1.0, 3.0, None]}
    )  # fmt: skip
    return Profiles(np.arange(12).reshape(4, 3) / 8, metadata, ("a", "b", "c"))


def as_pandas(profiles: Profiles) -> pd.DataFrame:
    values = pd.DataFrame(profiles.values, columns=list(profiles.features))
    return pd.concat([profiles.metadata.to_pandas(), values], axis=1)


def test_every_kind_gives_the_same_profiles(profiles: Profiles) -> None:
    table = as_pandas(profiles)
    usual = {"plate": "Metadata_Plate", "well": "Metadata_Well", "concentration_um": "Metadata_concentration_um"}
    named = table.rename(columns={**usual, "control": "Metadata_control"})
    kinds = (profiles, to_anndata(profiles), table, pl.from_pandas(table), table.set_index(["plate", "well"]), named)
    for given in kinds:
        found = Given.read(given)
        assert found.rows.tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(found.profiles.values, profiles.values)
        assert found.profiles.column("plate").tolist() == ["007"] * 4
        assert found.profiles.column("well").tolist() == ["A01", "A02", "B01", "B02"]
        assert found.profiles.column("control").tolist() == ["negative", "", "", "positive"]


def test_results_are_of_the_kind_that_was_given(profiles: Profiles, caplog: pytest.LogCaptureFixture) -> None:
    table = as_pandas(profiles)
    table.index = pd.Index(list("wxyz"))
    table.loc["x", ["a", "b", "c"]] = np.nan  # without a number: left out, and its index too
    with caplog.at_level(logging.WARNING):
        given = Given.read(table)
    assert "1 of 4 rows hold no number and are left out" in caplog.text
    doubled = given.like(given.profiles.with_values(given.profiles.values * 2))
    assert doubled.index.tolist() == ["w", "y", "z"]
    np.testing.assert_allclose(doubled[["a", "b", "c"]], table.loc[["w", "y", "z"], ["a", "b", "c"]] * 2)
    annotated = to_anndata(profiles)
    annotated.obs_names = pd.Index(list("wxyz"))
    annotated.obsm["X_pca"] = np.ones((4, 2), np.float32)
    annotated.layers["raw"] = annotated.X.copy()
    read = Given.read(annotated)
    same = read.like(read.profiles.with_values(read.profiles.values + 1))
    assert same.obs_names.tolist() == list("wxyz")
    assert set(same.layers) == {"raw"}
    np.testing.assert_array_equal(same.X, annotated.X + 1)
    fewer = read.like(Profiles(read.profiles.values[:, :2], read.profiles.metadata, ("a", "b")))
    assert fewer.var_names.tolist() == ["a", "b"]
    assert fewer.obsm["X_pca"].shape == (4, 2)
    assert isinstance(read.table_of([{"x": 1}]), pd.DataFrame)
    assert isinstance(Given.read(profiles).table_of([{"x": 1}]), pl.DataFrame)
    assert Given.read(profiles).like(profiles) is profiles
    assert Given.read(table).like(profiles.take(np.array([0]))).index.tolist() == [0]


def test_columns_as_pandas_holds_them(profiles: Profiles) -> None:
    table = as_pandas(profiles).drop(columns=["a", "b", "c"])
    table["embedding"] = list(profiles.values)
    table["well"] = table["well"].astype("category")
    table["note"] = [1, "two", None, 3.5]
    table["count"] = pd.array([1, None, 3, 4], dtype="Int64")
    found = Given.read(table).profiles
    np.testing.assert_array_equal(found.values, profiles.values)
    assert found.column("well").tolist() == ["A01", "A02", "B01", "B02"]
    assert found.metadata["note"].to_list() == ["1", "two", None, "3.5"]
    assert found.metadata["count"].to_list() == [1, None, 3, 4]


def test_anndata_there_and_back(profiles: Profiles) -> None:
    annotated = to_anndata(profiles)
    back = from_anndata(annotated)
    np.testing.assert_array_equal(back.values, profiles.values)
    assert back.metadata["plate"].to_list() == ["007"] * 4
    annotated.obsm["X_pca"] = np.ones((4, 2), np.float32)
    assert from_anndata(annotated, embedding="X_pca").features == ("embedding_0", "embedding_1")
    with pytest.raises(UnknownNameError, match="X_pca"):
        from_anndata(annotated, embedding="X_umap")


def test_what_holds_no_wells_is_refused(profiles: Profiles) -> None:
    with pytest.raises(
        UsageError, match="Profiles, AnnData, or a table of pandas or polars, not str; files are read by"
    ):
        Given.read("wells.parquet")
    with pytest.raises(DataError, match="holds no numbers"):
        Given.read(pd.DataFrame({"well": ["A01"]}))
