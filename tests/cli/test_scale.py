"""`hooke scale`."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = ("model.width=8", "model.depth=1", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_table_report_and_json(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    Path("grid.toml").write_text('[depth]\n"model.depth" = [1, 2]\n')
    data = ("data.name=csv", f"data.path={table}", "data.targets=['log_p']")
    found = hooke("scale", "csv", "grid.toml", *data, *SMALL, "--seeds", "1")
    assert found.code == 0, found.err
    assert "fewer than 5 sizes" in found.out
    said = json.loads(hooke("scale", "csv", "grid.toml", *data, *SMALL, "--seeds", "1", "--json").out)
    assert (said["trainings"], said["failed"]) == (2, 0)
    for suffix in (".csv", ".parquet", ".html"):
        assert Path(said["storage"]).with_suffix(suffix).exists()


def test_a_wrong_grid(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("grid.toml").write_text('[depth]\n"model.dept" = [1, 2]\n')
    found = hooke("scale", "tiny_gine", "grid.toml")
    assert found.code == 2
    assert "depth" in found.err
