"""What was trained is used as the commands use it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

import hooke

SMALL = ["model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1"]


def test_predict_embed_and_probe(tmp_path: Path, table: Path) -> None:
    run = hooke.fit(csv=table, targets=["log_p"], overrides=SMALL, runs=tmp_path, report=False, workers=1).folder
    assert hooke.predict(run, table, tmp_path / "p.parquet", workers=1).rows == 60
    hooke.embed(run, table, tmp_path / "e.parquet", workers=1)
    smiles = pl.read_csv(table)["smiles"].to_list()
    vectors = np.stack(pl.read_parquet(tmp_path / "e.parquet")["embedding"].to_list())
    np.testing.assert_allclose(hooke.load(run, device="cpu").embed(smiles), vectors, atol=1e-6)
    report = hooke.probe(run, table, targets="log_p", split="random", readouts=("linear",))
    assert [found.label for found in report.labels] == ["log_p"]


def test_wells_of_a_store(tmp_path: Path, image_run: Path, screen) -> None:  # type: ignore[no-untyped-def]
    report = hooke.embed(image_run, screen.folder, tmp_path / "w.parquet")
    assert report.rows == screen.metadata.select("experiment", "plate", "well").n_unique()
