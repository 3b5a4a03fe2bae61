"""`hooke embed`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

SMALL = ("model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_embed(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    Path("new.smi").write_text("CCO a\nC( b\nC c\n")
    found = hooke("embed", "runs/csv", "new.smi", "-o", "out.parquet", "--workers", "1")
    assert found.code == 0, found.err
    rows = pl.read_parquet("out.parquet")
    assert len(rows) == 3
    assert rows["embedding"].is_null().to_list() == [False, True, False]
    assert len(rows["embedding"][0]) == 16
    assert (
        json.loads(hooke("embed", "runs/csv", "new.smi", "-o", "b.parquet", "--json", "--workers", "1").out)["rows"]
        == 3
    )
