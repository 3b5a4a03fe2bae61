"""`hooke probe`."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = ("model.width=16", "model.depth=1", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_probe(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    assert hooke("fit", *SMALL, "--csv", table, "--no-report", "--workers", "1").code == 0
    found = hooke("probe", "runs/csv", table, "--split", "random", "--readouts", "linear", "--json")
    assert found.code == 0, found.err
    said = json.loads(found.out)
    assert {label["readout"] for label in said["labels"]} <= {"linear", "mean"}
    assert "log_p" in hooke("probe", "runs/csv", table, "--split", "random", "--readouts", "linear").out
    wrong = hooke("probe", "runs/csv", table, "--readouts", "liner")
    assert wrong.code == 2
    assert "'linear'" in wrong.err
    images = hooke("probe", "runs/csv", "screen")
    assert images.code == 2
    assert "is a data set of images" in images.err
