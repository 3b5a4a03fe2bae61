"""`hooke benchmark`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_benchmark(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    Path("mine.toml").write_text(
        f'extends = "csv"\n[data]\nname = "csv"\npath = "{table}"\ntargets = ["log_p"]\n'
        "[model]\nwidth = 16\ndepth = 2\n[train]\nepochs = 1\nensemble = 1\nthreads = 1\n"
    )
    found = hooke("benchmark", "mine.toml", "--seeds", "2")
    assert found.code == 0, found.err
    assert "forest" in found.out
    assert "from scratch minus this" in found.out
    assert len(json.loads(hooke("benchmark", "mine.toml", "--seeds", "2", "--json").out)["rows"]) == 8
    refused = hooke("benchmark", "tiny_mae")
    assert refused.code == 2
    assert "learns without labels" in refused.err


def test_a_suite(hooke, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    from hooke.molecules.tables.twins import write_twin_table
    from hooke.suites import Suite, SuiteTask, moleculenet

    table = _with_parts(write_twin_table(tmp_path / "values.csv", seed=0, rows=80))
    task = SuiteTask("values", "csv", {"path": str(table), "targets": ("log_p",), "split_column": "split"}, "rmse")
    monkeypatch.setattr(moleculenet, "SUITE", Suite("moleculenet", "M", (task,)))
    found = hooke("benchmark", "moleculenet", "--systems", "mean,ridge", "--seeds", "1")
    assert found.code == 0, found.err
    assert "mean rank" in found.out
    said = json.loads(hooke("benchmark", "moleculenet", "--systems", "mean,ridge", "--seeds", "1", "--json").out)
    assert len(said["rows"]) == 2
    assert list(Path("runs").glob("suite-moleculenet-*.html"))


def _with_parts(table: Path) -> Path:
    """Every fifth row of a table becomes a test row."""
    first, *rows = table.read_text().splitlines()
    parts = [f"{row},{'test' if number % 5 == 0 else 'train'}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{first},split", *parts]) + "\n")
    return table


def test_images(hooke) -> None:  # type: ignore[no-untyped-def]
    small = ("train.epochs=1", "train.threads=1", "data.split.fractions=[0.4,0.3,0.3]", "--seeds", "1")
    found = hooke("benchmark", "tiny_wsl", *small)
    assert found.code == 0, found.err
    for system in ("from scratch", "mean", "nearest", "forest", "random weights"):
        assert system in found.out
    assert found.out.count("from scratch minus this") == 4
    assert len(json.loads(hooke("benchmark", "tiny_wsl", *small, "--json").out)["differences"]) == 4


@pytest.mark.mirror
def test_explanations(hooke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    shown = hooke("benchmark", "explanations", "--tasks", "sachs", "--runs", str(tmp_path))
    assert shown.code == 0
    assert "0.848" in shown.out
    assert "null result" in shown.out
    assert hooke("benchmark", "explanations", "--seeds", "2").code == 2
    assert hooke("benchmark", "tiny_gine", "--own-relations").code == 2
