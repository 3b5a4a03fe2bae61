"""Every kind of table, and every way in which a table can be broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from hooke.core.errors import DataError, UnknownNameError
from hooke.molecules import tables
from hooke.molecules.tables import column_names, read_table, smiles_column


def rows_of(path: Path) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {}
    for chunk in read_table(path):
        for name, cells in chunk.columns.items():
            columns.setdefault(name, []).extend(cells)
    return columns


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"smiles{delimiter}y\nCC{delimiter}1\n".encode())
    assert rows_of(path) == {"smiles": ["CC"], "y": ["1"]}


def test_gzip_quotes_newlines_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        file.write('smiles,note,y\n"CC","a, ""b""\nc",1\n\nC,,2\n')
    assert rows_of(path) == {"smiles": ["CC", "", "C"], "note": ['a, "b"\nc', "", ""], "y": ["1", "", "2"]}


def test_a_million_characters_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "C" * 1_000_000 + ",1\nCC,2\n")
    assert [len(cell) for cell in rows_of(path)["smiles"]] == [1_000_000, 2]


def test_rows_with_too_many_or_too_few_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\nCC,1\nC,2,3\nCCC\nCO,4\n")
    [chunk] = list(read_table(path))
    assert len(chunk) == 4
    assert set(chunk.broken) == {2, 3}
    assert "3 cells, the header has 2" in chunk.broken[2]


def test_chunks_count_rows_from_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "CHUNK_ROWS", 2)
    path = tmp_path / "t.csv"
    path.write_text("smiles\n" + "C\n" * 5)
    assert [(chunk.first_row, len(chunk)) for chunk in read_table(path)] == [(1, 2), (3, 2), (5, 1)]


def test_smiles_files_with_and_without_names(tmp_path: Path) -> None:
    path = tmp_path / "t.smi"
    path.write_text("CC ethane\nC\n\nCCO  ethyl alcohol\n")
    assert rows_of(path) == {"smiles": ["CC", "C", "", "CCO"], "name": ["ethane", "", "", "ethyl alcohol"]}
    headed = tmp_path / "h.smi"
    headed.write_text("smiles\tid\nCC\t1\n")
    assert rows_of(headed) == {"smiles": ["CC"], "id": ["1"]}


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"smiles": ["C", None], "y": [1.5, 2.0]}).write_parquet(path)
    assert rows_of(path) == {"smiles": ["C", ""], "y": ["1.5", "2.0"]}
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(DataError, match="not a readable Parquet"):
        rows_of(path)


def test_sdf_with_a_broken_record(tmp_path: Path) -> None:
    path = tmp_path / "t.sdf"
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    path.write_text(good + "> <y>\n1.5\n\n$$$$\nbroken\n\n\n  9  9\n$$$$\n" + good + "> <z>\n2\n\n$$$$\n")
    [chunk] = list(read_table(path))
    assert chunk.columns == {"smiles": ["CCO", "", "CCO"], "y": ["1.5", "", ""], "z": ["", "", "2"]}
    assert list(chunk.broken) == [2]
    zipped = tmp_path / "t.sdf.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert rows_of(zipped)["y"] == ["1.5", "", ""]


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        list(read_table(tmp_path / "none.csv"))
    odd = tmp_path / "t.xlsx"
    odd.write_text("x")
    with pytest.raises(DataError, match="unknown kind"):
        list(read_table(odd))
    empty = tmp_path / "e.csv"
    empty.write_text("")
    with pytest.raises(DataError, match="empty"):
        list(read_table(empty))
    double = tmp_path / "d.csv"
    double.write_text("a,a\n1,2\n")
    with pytest.raises(DataError, match="repeat"):
        list(read_table(double))
    cut = tmp_path / "c.csv.gz"
    cut.write_bytes(gzip.compress(b"smiles\n" + b"C\n" * 5000)[:-9])
    with pytest.raises(DataError, match="truncated"):
        list(read_table(cut))
    header = tmp_path / "h.csv"
    header.write_text("smiles,y\n")
    with pytest.raises(DataError, match="no rows"):
        column_names(header)


def test_the_smiles_column() -> None:
    assert smiles_column(["id", "Canonical_SMILES"]) == "Canonical_SMILES"
    assert smiles_column(["a", "b"], "b") == "b"
    with pytest.raises(UnknownNameError, match="Did you mean 'smiles'"):
        smiles_column(["smiles", "y"], "smile")
    with pytest.raises(DataError, match="delimiter"):
        smiles_column(["smiles y"])


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)


@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_whatever_a_csv_writer_writes_is_read_back(rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    import csv

    path = tmp_path_factory.mktemp("any") / "t.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["a", "b"])
        writer.writerows(rows)
    found = rows_of(path)
    assert found["a"] == [row[0].strip() for row in rows]
    assert found["b"] == [row[1].strip() for row in rows]
