"""Predictions in memory: every kind of thing that people hold in Python, with its index and columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from rdkit import Chem

import hooke
from hooke.core.errors import DataError, UsageError
from hooke.inference.loaded import LoadedRun


@pytest.fixture(scope="module")
def loaded(run: Path) -> LoadedRun:
    return LoadedRun.open(run, "cpu")


GIVEN = ["CCO", None, "c1ccccc1", "no molecule"]


def test_lists_series_and_tables_agree(loaded: LoadedRun) -> None:
    label = loaded.labels[0].name
    found = loaded.predict(GIVEN)
    assert isinstance(found, pl.DataFrame)
    assert found["smiles"].to_list() == ["CCO", None, "c1ccccc1", "no molecule"]
    assert found[label].is_null().to_list() == [False, True, False, True]
    assert found["reason"][1] == "no molecule"
    values = found[label].to_list()

    series = loaded.predict(pd.Series(GIVEN, index=list("abcd")))
    assert list(series.index) == list("abcd")
    np.testing.assert_array_equal(series[label].to_numpy(float, na_value=np.nan), np.array(values, float))

    table = pd.DataFrame({"id": [7, 8, 9, 10], "SMILES": GIVEN, label: [1.0, 2.0, 3.0, 4.0]}, index=[3, 2, 1, 0])
    beside = loaded.predict(table)
    assert list(beside.columns[:3]) == ["id", "SMILES", f"{label}_input"]
    assert beside[f"{label}_input"].tolist() == [1.0, 2.0, 3.0, 4.0]
    np.testing.assert_array_equal(beside[label].to_numpy(float, na_value=np.nan), np.array(values, float))
    assert beside["id"].dtype == table["id"].dtype
    assert list(beside.index) == [3, 2, 1, 0]
    assert len(beside.columns) > 4

    other = loaded.predict(pl.DataFrame({"mol": GIVEN, "id": [1, 2, 3, 4]}))
    assert other.columns[:2] == ["mol", "id"]
    assert other[label].to_list() == values

    molecules = [Chem.MolFromSmiles("CCO"), None, Chem.MolFromSmiles("c1ccccc1"), None]
    assert loaded.predict(molecules)[label].to_list()[0] == pytest.approx(values[0], rel=1e-6)
    held = loaded.predict(pd.DataFrame({"structure of it": molecules}))
    assert held[label].isna().tolist() == [False, True, False, True]


def test_one_thing_and_files(loaded: LoadedRun, tmp_path: Path) -> None:
    assert len(loaded.predict("CCO")) == len(loaded.predict(Chem.MolFromSmiles("CCO"))) == 1
    path = tmp_path / "some.csv"
    path.write_text("smiles\nCCO\nCCN\n")
    assert len(loaded.predict(path)) == len(loaded.predict(str(path))) == 2
    with pytest.raises(DataError, match=r"none\.csv"):
        loaded.predict("none.csv")
    with pytest.raises(UsageError, match="not as int"):
        loaded.predict(3)
    with pytest.raises(DataError, match="no column looks like SMILES"):
        loaded.predict(pl.DataFrame({"a": [1], "b": ["x"]}))


def test_vectors_of_the_same_things() -> None:
    encoder = hooke.load("tiny")
    found = encoder.embed(GIVEN)
    assert np.isnan(found).any(axis=1).tolist() == [False, True, False, True]
    np.testing.assert_allclose(encoder.embed("CCO")[0], found[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(encoder.embed(pd.Series(GIVEN)), found, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        encoder.embed(pd.DataFrame({"smiles": GIVEN, "y": [1, 2, 3, 4]})), found, rtol=1e-4, atol=1e-6
    )
    assert encoder.module.encoder is not None


def test_a_table_is_learnt_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hooke.molecules.tables.twins import twin_smiles

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    smiles = twin_smiles(30, seed=1)
    table = pd.DataFrame({"smiles": smiles, "y": np.linspace(0, 1, 30)})
    options = {"model": "ridge", "report": False, "show_progress": False}
    first = hooke.fit(table=table, **options)
    second = hooke.fit(table=pl.from_pandas(table), **options)
    assert first.run.info["data_hash"] == second.run.info["data_hash"]
    assert len(list((tmp_path / "cache" / "tables").glob("*.parquet"))) == 1
    with pytest.raises(UsageError, match="csv or table"):
        hooke.fit(table=table, csv="a.csv")
    with pytest.raises(UsageError, match="not dict"):
        hooke.fit(table={"smiles": smiles})
