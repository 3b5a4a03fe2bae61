"""`hooke search`."""

from __future__ import annotations

import json
from pathlib import Path

SMALL = ("model.width=16", "train.epochs=1", "train.ensemble=1", "train.threads=1")


def test_search_and_compare(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    Path("space.toml").write_text('["model.depth"]\nchoices = [1, 2]\n')
    data = ("data.name=csv", f"data.path={table}", "data.targets=['log_p']")
    found = hooke("search", "csv", "space.toml", *data, *SMALL, "--sampler", "random", "--trials", "2", "--json")
    assert found.code == 0, found.err
    said = json.loads(found.out)
    assert (said["trials"], said["done"]) == (2, 2)
    assert (
        "best value" in hooke("search", "csv", "space.toml", *data, *SMALL, "--sampler", "random", "--trials", "2").out
    )
    compared = ("--tabulate", "table.parquet", "--repeats", "3", "--trials", "4")
    shown = hooke("search", "csv", "space.toml", *data, *SMALL, *compared)
    assert shown.code == 0, shown.err
    assert "p (Holm)" in shown.out
    assert json.loads(hooke("search", "csv", "space.toml", *data, *SMALL, *compared, "--json").out)["points"] == 2


def test_a_wrong_space(hooke) -> None:  # type: ignore[no-untyped-def]
    Path("space.toml").write_text('["model.dept"]\nchoices = [1, 2]\n')
    found = hooke("search", "tiny_gine", "space.toml")
    assert found.code == 2
    assert "depth" in found.err
