"""Small published CSV tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core.cards import RemoteFile
from hooke.core.how import QUIET
from hooke.core.label import Label
from hooke.molecules.held_out import held_out
from hooke.molecules.tables.csv_tables import CsvDataset, CsvTable


def _file(name: str) -> RemoteFile:
    return RemoteFile(name, mirror_path=name)


TABLES = {
    "plain": CsvTable(((_file("a.csv"), ""),), "Drug", (("Y", Label("plain", unit="h")),), "mae"),
    "parts": CsvTable(
        ((_file("train.csv"), "train"), (_file("test.csv"), "test")), "smiles", (("activity", Label("parts")),), "rmse"
    ),
    "column": CsvTable(((_file("b.csv"), ""),), "smiles", (("y", Label("column")),), "rmse", "split", "keep_all"),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("HOOKE_MIRROR", str(mirror))
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    (mirror / "a.csv").write_text("Drug_ID,Drug,Y\na,CCO,1\nb,OCC,3\nc,C(,4\nd,c1ccccc1,5\n")
    (mirror / "train.csv").write_text("smiles,activity\nCC,1\nCCC,2\n")
    (mirror / "test.csv").write_text("smiles,activity\nCCCC,3\n")
    (mirror / "b.csv").write_text("smiles,y,split\nCC,1,train\nCCN,2,test\nCC,3,train\n")
    return tmp_path


def test_a_table_without_parts(files: Path) -> None:
    store = CsvDataset("x", TABLES, "plain").prepare(files, QUIET)
    assert store.smiles() == ["CCO", "c1ccccc1"]
    assert store.graph_labels()[0].ravel().tolist() == [2, 5]  # equal molecules are averaged
    assert store.labels[0] == Label("plain", unit="h")
    assert store.split() is None
    smiles = ["CCO", "OCC", "C(", "c1ccccc1"]
    expected = [text for text, out in zip(smiles, held_out(smiles), strict=True) if out]
    assert CsvDataset("x", TABLES, "plain").held_out(QUIET) == expected


@pytest.mark.parametrize(("name", "codes", "tested"), [("parts", [0, 0, 2], ["CCCC"]), ("column", [0, 2, 0], ["CCN"])])
def test_published_parts(files: Path, name: str, codes: list[int], tested: list[str]) -> None:
    dataset = CsvDataset("x", TABLES, name)
    store = dataset.prepare(files, QUIET)
    found = store.split()
    assert found is not None
    assert found.tolist() == codes
    assert dataset.held_out(QUIET) == tested


def test_a_member_of_a_mixture(files: Path) -> None:
    member = CsvDataset("x", TABLES, "plain").member(files, QUIET)
    assert (member.name, member.smiles, member.columns[0][0]) == ("plain", "smiles", "plain")
    assert member.paths[0].read_text().splitlines()[0] == "smiles,plain"


@pytest.mark.parametrize("name", TABLES)
def test_twins(files: Path, name: str) -> None:
    store = CsvDataset("x", TABLES, name).twin(files / "twin", seed=1)
    assert len(store) == 96
    assert (store.split() is not None) == TABLES[name].published_split
