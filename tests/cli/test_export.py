"""`hooke export`."""

from __future__ import annotations

import json
from pathlib import Path


def test_export(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    small = ("model.name=gin", "model.preset=tiny", "train.epochs=1", "train.ensemble=1", "train.threads=1")
    assert hooke("fit", *small, "--csv", table, "--targets", "log_p", "--no-report", "--workers", "1").code == 0
    found = hooke("export", "runs/csv", "-o", "model.pt2", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["outputs"] == {"graph": ["log_p"]}
    assert Path("model.pt2").stat().st_size > 10_000
    assert "output  graph: 1 columns (log_p)" in hooke("export", "runs/csv", "-o", "model.pt2").out
    refused = hooke("export", "runs/csv", "-o", "model.pt2", "--sizes", "any")
    assert refused.code == 2
    assert "dynamic" in refused.err
