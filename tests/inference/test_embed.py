from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.inference.embed import NOT_FINITE, embed
from hooke.inference.loaded import LoadedRun
from hooke.inference.stream import read_stamp


def test_every_molecule_has_its_vector(
    loaded: LoadedRun, run: Path, table: Path, smiles: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "vectors.parquet"
    report = embed(run, table, output, workers=0, device="cpu", show_progress=False, batch_size=10)
    found = pl.read_parquet(output)
    width = loaded.network.encoder.width
    assert found.columns == ["row", "name", "smiles", "embedding", "reason"]
    assert found["embedding"].dtype == pl.Array(pl.Float32, width)
    assert report.done == len(smiles)
    np.testing.assert_allclose(found["embedding"].to_numpy(), loaded.embed(smiles), rtol=1e-4, atol=1e-5)
    stamp = read_stamp(output)
    assert stamp is not None
    assert stamp["model_hash"] == loaded.model_hash


def test_rows_without_a_molecule_have_none(run: Path, loaded: LoadedRun, tmp_path: Path) -> None:
    (tmp_path / "x.smi").write_text("CCO a\nbad b\n\nC d\n")
    embed(run, tmp_path / "x.smi", tmp_path / "v.parquet", workers=0, device="cpu", show_progress=False)
    found = pl.read_parquet(tmp_path / "v.parquet")
    assert found["embedding"].is_null().to_list() == [False, True, True, False]
    vectors = loaded.embed(["CCO", "bad", "", "C"])
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, True, False]
    np.testing.assert_allclose(found["embedding"][0], vectors[0], rtol=1e-5)
    assert loaded.embed(["bad"]).shape == (1, vectors.shape[1])
    assert loaded.embed([]).shape == (0, vectors.shape[1])


def test_vectors_that_are_not_finite_are_not_written(make_run: Callable[..., Path], tmp_path: Path) -> None:
    broken = LoadedRun.open(make_run(tmp_path), "cpu")
    with torch.no_grad():
        for parameter in broken.network.encoder.parameters():
            parameter.fill_(torch.nan)
    (tmp_path / "x.smi").write_text("CCO a\n")
    embed(broken, tmp_path / "x.smi", tmp_path / "v.parquet", workers=0, show_progress=False)
    assert pl.read_parquet(tmp_path / "v.parquet")["reason"].to_list() == [NOT_FINITE]


def test_vectors_in_csv_have_a_column_for_each_number(loaded: LoadedRun, table: Path, tmp_path: Path) -> None:
    for name in ("v.csv", "v.parquet"):
        embed(loaded, table, tmp_path / name, workers=0, show_progress=False)
    vectors = pl.read_parquet(tmp_path / "v.parquet")
    numbers = pl.read_csv(tmp_path / "v.csv", infer_schema_length=None)
    columns = [name for name in numbers.columns if name.startswith("embedding_")]
    assert columns == [f"embedding_{place}" for place in range(vectors["embedding"].dtype.shape[0])]  # type: ignore[attr-defined]
    for row, vector in zip(numbers.select(columns).iter_rows(), vectors["embedding"], strict=True):
        assert (row[0] is None) == (vector is None)
        if vector is not None:
            np.testing.assert_allclose(row, vector, rtol=1e-6)
    with pytest.raises(UsageError, match=r"must end in \.parquet or \.csv, got v\.npy"):
        embed(loaded, table, tmp_path / "v.npy", show_progress=False)
