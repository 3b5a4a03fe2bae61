"""`hooke finetune`."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = ("model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_finetune_and_probe(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--targets", "log_p", "--no-report", "--workers", "1").code == 0
    common = (
        "train.epochs=1",
        "train.ensemble=1",
        "--csv",
        table,
        "--targets",
        "lipophilic",
        "--no-report",
        "--workers",
        "1",
    )
    found = hooke("finetune", "runs/csv", *common, "--json", "--mode", "probe", "--keep-heads")
    assert found.code == 0, found.err
    assert list(json.loads(found.out)["metrics"]["test"]["graph"]) == ["lipophilic"]
    assert (Path(json.loads(found.out)["kept"]) / "spec.json").is_file()
    assert "hooke predict" in hooke("finetune", "runs/csv", *common).out
    assert hooke("finetune", "runs/csv", *common, "--mode", "frozen").code == 2
