"""Twins of CSV tables."""

from __future__ import annotations

import gzip
from pathlib import Path

from hooke.core.cards import RemoteFile
from hooke.core.label import Label
from hooke.molecules.tables.csv_tables import CsvTable
from hooke.molecules.tables.csv_twins import ROWS, write_csv_twins


def test_every_file_has_its_twin(tmp_path: Path) -> None:
    files = ((RemoteFile("a.csv.gz"), "train"), (RemoteFile("b.csv"), "test"))
    table = CsvTable(files, "s", (("y", Label("y", kind="binary")),), "roc_auc")
    first, second = write_csv_twins(table, tmp_path, seed=0)
    lines = gzip.decompress(first.read_bytes()).decode().splitlines() + second.read_text().splitlines()
    assert len(lines) == ROWS + 2
    assert lines[0] == "s,y"
    assert {line.split(",")[1] for line in lines if line != "s,y"} == {"0", "1"}
    assert first.read_bytes() == write_csv_twins(table, tmp_path / "again", seed=0)[0].read_bytes()
