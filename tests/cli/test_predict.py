"""`hooke predict`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

SMALL = ("model.width=16", "model.depth=2", "train.epochs=2", "train.ensemble=2", "train.threads=1")


def test_predict_a_hostile_table(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    lines = ["name,smiles", "good,CCO", "bad,C1CC", "empty,", "salt,[Na+].[Cl-]", f"long,{'C' * 1_000_000}", "same,CCO"]
    Path("new.csv").write_text("\n".join(lines) + "\n")
    found = hooke("predict", "runs/csv", "new.csv", "-o", "out.parquet", "--workers", "1")
    assert found.code == 0, found.err
    rows = pl.read_parquet("out.parquet")
    assert rows["name"].to_list() == ["good", "bad", "empty", "salt", "long", "same"]
    assert rows["log_p"].is_null().to_list() == [False, True, True, False, True, False]
    assert rows["reason"].is_null().to_list() == [True, False, False, True, False, True]
    assert rows["log_p"][0] == rows["log_p"][5]
    shown = json.loads(hooke("predict", "runs/csv", "new.csv", "-o", "out.csv", "--json", "--workers", "1").out)
    assert shown["rows"] == 6
    assert len(pl.read_csv("out.csv", infer_schema_length=None)) == 6
